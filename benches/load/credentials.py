"""Keys, tokens and API keys of one run, in the forms in which the proxies read them. Nothing of it outlives the run."""

import base64
import hashlib
import hmac
import json
import random
import time
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER, AUDIENCE = "https://login.example.com/", "api://orders"
SECRET = "measured with a secret of thirty-two bytes"
API_KEYS = 10_000
DISTINCT = 10_000
ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")


class Credentials:
    """Made once a run; tokens are signed when somebody wants them, since ten thousand take a while."""

    def __init__(self, folder):
        self.folder = folder
        self._private = {
            "RS256": rsa.generate_private_key(65537, 2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }
        for algorithm, key in self._private.items():
            pem = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            self._write(f"{algorithm}.pem", pem)
        self._write("HS256.secret", SECRET.encode())
        self._tokens = {}
        self._api_keys()

    def public_key(self, algorithm):
        return f"{self.folder}/{algorithm}.pem"

    def jwks(self, algorithm):
        """The verifying key as a JWK set."""
        if algorithm == "HS256":
            key = {"kty": "oct", "k": _text(SECRET.encode())}
        elif algorithm == "RS256":
            numbers = self._private[algorithm].public_key().public_numbers()
            key = {"kty": "RSA", "n": _text(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
        elif algorithm == "ES256":
            numbers = self._private[algorithm].public_key().public_numbers()
            x, y = (_text(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
            key = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        else:
            raw = self._private[algorithm].public_key().public_bytes_raw()
            key = {"kty": "OKP", "crv": "Ed25519", "x": _text(raw)}
        return json.dumps({"keys": [{**key, "kid": algorithm, "alg": algorithm}]})

    def fields(self, kind, count):
        """A file with so many credentials, one a line, and the name of the field they stand in."""
        if kind == "key":
            return "X-API-KEY", self._listed(f"keys.{count}", self.keys[:count])
        made = self._tokens.setdefault(kind, [])
        made.extend(self._token(kind, number) for number in range(len(made), count))
        return "Authorization", self._listed(f"{kind}.{count}", (f"Bearer {token}" for token in made[:count]))

    def _token(self, algorithm, number):
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": f"user-{number:06d}", "iat": now, "nbf": now - 60, "exp": now + 86400,
            "jti": str(uuid.uuid4()), "role": "admin", "scope": "orders:read orders:write",
            "email": f"user-{number:06d}@example.com",
        }
        head = {"alg": algorithm, "typ": "JWT", "kid": algorithm}
        signed = ".".join(_text(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        return f"{signed}.{_text(self._signature(algorithm, signed.encode()))}"

    def _signature(self, algorithm, signed):
        if algorithm == "HS256":
            return hmac.digest(SECRET.encode(), signed, "sha256")
        key = self._private[algorithm]
        if algorithm == "RS256":
            return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        if algorithm == "EdDSA":
            return key.sign(signed)
        r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def _api_keys(self):
        letters = random.Random(7)
        self.keys = ["gk_" + "".join(letters.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=40)) for _ in range(API_KEYS)]
        named = [(f"client{number}", key) for number, key in enumerate(self.keys)]
        self._write("keys.haproxy", "".join(f"{key} {name}\n" for name, key in named).encode())
        self._write("keys.nginx", "".join(f'"{key}" {name};\n' for name, key in named).encode())
        self._write("keys.yaml", "".join(
            f'- {{ id: {name}, hash: "sha256:{hashlib.sha256(key.encode()).hexdigest()}" }}\n' for name, key in named
        ).encode())

    def _listed(self, name, lines):
        self._write(name, "".join(f"{line}\n" for line in lines).encode())
        return f"{self.folder}/{name}"

    def _write(self, name, content):
        with open(f"{self.folder}/{name}", "wb") as file:
            file.write(content)


def _text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
