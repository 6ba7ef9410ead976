"""Keys for the programs that sign, in every form that a gateway is given them: PEM by `cryptography`, a JWK set by joserfc.

    keys.py FOLDER

makes NAME.key and NAME.pem for each kind of key, NAME-other.key for a stranger, keys.json and secret.txt.
"""

import json
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey

from verdict import Verdicts

# The algorithm and the kind of its key.
PUBLIC = {
    "RS256": "rsa",
    "RS384": "rsa",
    "RS512": "rsa",
    "PS256": "rsa",
    "PS384": "rsa",
    "PS512": "rsa",
    "ES256": "p256",
    "ES384": "p384",
    "EdDSA": "ed25519",
}
SHARED = ["HS256", "HS384", "HS512"]

MAKERS = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
KINDS = {"rsa": RSAKey, "p256": ECKey, "p384": ECKey, "ed25519": OKPKey}


def private(key):
    return key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())


def public(key):
    return key.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)


def main():
    folder = Path(sys.argv[1])
    verdicts = Verdicts("keys", 60)

    def make(kind):
        key = MAKERS[kind]()
        (folder / f"{kind}.key").write_bytes(private(key))
        (folder / f"{kind}.pem").write_bytes(public(key))
        (folder / f"{kind}-other.key").write_bytes(private(MAKERS[kind]()))

    for kind in MAKERS:
        verdicts.run(kind, make, kind)

    def published():
        keys = []
        for algorithm, kind in PUBLIC.items():
            key = KINDS[kind].import_key((folder / f"{kind}.pem").read_text())
            keys.append({**key.as_dict(private=False), "kid": algorithm, "alg": algorithm, "use": "sig"})
        (folder / "keys.json").write_text(json.dumps({"keys": keys}))
        return len(keys)

    verdicts.run("a JWK set", published)
    verdicts.run("a secret", lambda: (folder / "secret.txt").write_text(secrets.token_hex(32)))
    verdicts.finish()


if __name__ == "__main__":
    main()
