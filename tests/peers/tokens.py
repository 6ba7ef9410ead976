"""Tokens made by the libraries of PyPI, good ones and bad ones, and what a verifier should say to each.

    tokens.py FOLDER --now SECONDS --issuer TEXT --audience TEXT

with the keys that keys.py left in FOLDER. Each line holds a token, the paths that it is for, and the answer that is right.
"""

import argparse
import base64
import contextlib
import datetime
import functools
import hashlib
import hmac
import io
import json
import time
import warnings
from pathlib import Path

import flask
import flask_jwt_extended
import jose.jwt
import joserfc.jwk
import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keys import KINDS, PUBLIC, SHARED
from verdict import Verdicts

with contextlib.redirect_stderr(io.StringIO()):
    # It warns that joserfc is its successor, which is asked as well.
    import authlib.jose

GOOD = (200, "")
SIGNATURE = (401, "token.signature")


@functools.cache
def loaded(key):
    """Checking the numbers of an RSA key takes longer than signing with it."""
    return load_pem_private_key(key.encode(), None) if key.startswith("-----") else key


imported = functools.cache(lambda maker, key: maker.import_key(key))


def pyjwt(header, claims, key, _kind):
    return jwt.encode(claims, loaded(key), algorithm=header["alg"], headers={"kid": header["kid"]})


def of_joserfc(header, claims, key, kind):
    maker = KINDS.get(kind, joserfc.jwk.OctKey)
    return joserfc.jwt.encode(header, claims, imported(maker, key), algorithms=[header["alg"]])


def of_authlib(header, claims, key, _kind):
    return authlib.jose.JsonWebToken([header["alg"]]).encode(header, claims, key).decode()


def python_jose(header, claims, key, _kind):
    return jose.jwt.encode(claims, key, algorithm=header["alg"], headers={"kid": header["kid"]})


def flask_jwt(header, claims, key, kind, refreshing=False):
    app = flask.Flask("peer")
    app.config.update(
        JWT_ALGORITHM=header["alg"],
        JWT_SECRET_KEY=key,
        JWT_PRIVATE_KEY=loaded(key),
        JWT_ENCODE_ISSUER=claims["iss"],
        JWT_ENCODE_AUDIENCE=claims["aud"],
        # Our clock is not the machine's, which is what this library goes by.
        JWT_ENCODE_NBF=False,
    )
    flask_jwt_extended.JWTManager(app)
    make = flask_jwt_extended.create_refresh_token if refreshing else flask_jwt_extended.create_access_token
    with app.app_context():
        ends = datetime.timedelta(seconds=claims["exp"] - time.time())
        more = {"nbf": claims["nbf"]} if "nbf" in claims else None
        return make(
            claims["sub"], expires_delta=ends, additional_claims=more, additional_headers={"kid": header["kid"]}
        )


LIBRARIES = {
    "PyJWT": (pyjwt, [*PUBLIC, *SHARED]),
    "joserfc": (of_joserfc, [*PUBLIC, *SHARED]),
    "Authlib": (of_authlib, [*PUBLIC, *SHARED]),
    "python-jose": (python_jose, ["RS256", "RS384", "RS512", "ES256", "ES384", *SHARED]),
    "Flask-JWT-Extended": (flask_jwt, [*PUBLIC, *SHARED]),
}


def encoded(bytes_):
    return base64.urlsafe_b64encode(bytes_).rstrip(b"=").decode()


def flipped(token, place):
    signed, _, signature = token.rpartition(".")
    made = bytearray(base64.urlsafe_b64decode(signature + "=="))
    made[place] ^= 1
    return f"{signed}.{encoded(made)}"


def mac_with(secret, header, claims):
    """By hand: the libraries refuse to take a public key for a secret."""
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


class Maker:
    def __init__(self, verdicts, folder, claims):
        self.verdicts, self.folder, self.claims = verdicts, folder, claims

    def say(self, name, at, answer, token):
        self.verdicts.note(name, True, at=at, status=answer[0], code=answer[1], token=token)

    def key(self, algorithm, whose=""):
        kind = PUBLIC.get(algorithm)
        if kind is None:
            secret = (self.folder / "secret.txt").read_text()
            return secret[::-1] if whose else secret
        return (self.folder / f"{kind}{whose}.key").read_text()

    def places(self, algorithm):
        return [f"/secret/{algorithm}"] if algorithm in SHARED else [f"/pem/{algorithm}", "/set", "/url"]

    def library(self, name, encode, algorithms):
        now = self.claims["iat"]
        for algorithm in algorithms:
            kind, at = PUBLIC.get(algorithm, "oct"), self.places(algorithm)
            header = {"alg": algorithm, "kid": algorithm}

            def token(key=None, **changed):
                return encode(header, {**self.claims, **changed}, key or self.key(algorithm), kind)

            good = token()
            # Signing with RSA takes its time, and what the claims say is the same for all keys of a kind.
            first = next(same for same in algorithms if PUBLIC.get(same, "oct") == kind)
            claimed = [
                ("expired", (401, "token.expired"), {"exp": now - 31}),
                ("early", (401, "token.not_yet_valid"), {"nbf": now + 31}),
                ("for others", (401, "token.audience"), {"aud": "api://others"}),
                ("of another issuer", (401, "token.issuer"), {"iss": "https://evil.example"}),
            ]
            for what, answer, changed in claimed if algorithm == first else claimed[:1]:
                self.say(f"{name} {algorithm} {what}", at, answer, token(**changed))
            for what, answer, made in [
                ("good", GOOD, good),
                ("of another key", SIGNATURE, token(key=self.key(algorithm, "-other"))),
                ("first bit of the signature", SIGNATURE, flipped(good, 0)),
                ("last bit of the signature", SIGNATURE, flipped(good, -1)),
            ]:
                self.say(f"{name} {algorithm} {what}", at, answer, made)
            others = [f"/pem/{other}" for other, same in PUBLIC.items() if same == kind and other != algorithm]
            others += [f"/secret/{other}" for other in SHARED if kind == "oct" and other != algorithm]
            if others:
                self.say(f"{name} {algorithm} where another is taken", others, SIGNATURE, good)

    def by_hand(self):
        none = jwt.encode(self.claims, None, algorithm="none")
        everywhere = [place for algorithm in [*PUBLIC, *SHARED] for place in self.places(algorithm)]
        self.say("PyJWT none", sorted(set(everywhere)), (401, "token.malformed"), none)
        for algorithm, kind in PUBLIC.items():
            pem = (self.folder / f"{kind}.pem").read_bytes()
            for name, secret in [("PEM", pem), ("PEM without its end", pem.rstrip())]:
                header = {"alg": "HS256", "kid": algorithm}
                token = mac_with(secret, header, self.claims)
                self.say(f"{algorithm}: HS256 with the {name}", self.places(algorithm), SIGNATURE, token)

    def kinds(self):
        """Access and refresh tokens differ in a claim of the library alone."""
        header = {"alg": "ES256", "kid": "ES256"}
        for what, answer in [("access", GOOD), ("refresh", (401, "credential.refused"))]:
            token = flask_jwt(header, self.claims, self.key("ES256"), "p256", refreshing=what == "refresh")
            self.say(f"Flask-JWT-Extended {what} token where one is asked for", ["/access"], answer, token)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--now", type=int, required=True)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--audience", required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    claims = {
        "iss": given.issuer,
        "aud": given.audience,
        "sub": "alice",
        "iat": given.now,
        "exp": given.now + 3600,
    }
    verdicts = Verdicts("tokens", 120)
    maker = Maker(verdicts, given.folder, claims)
    for name, (encode, algorithms) in LIBRARIES.items():
        try:
            maker.library(name, encode, algorithms)
        except Exception as fault:
            verdicts.note(f"{name} signs", False, f"{type(fault).__name__}: {fault}")
    maker.by_hand()
    maker.kinds()
    verdicts.finish()


if __name__ == "__main__":
    main()
