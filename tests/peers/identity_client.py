#!/usr/bin/env python3
"""What an upstream made with PyJWT makes of the tokens it is sent: fetches the keys and says what held.

  identity_client.py KEYS_URL TOKEN... [--only WORD,...]

Each token is for the upstream `up`, about `alice`. Whether it is still good is not asked: PyJWT has no clock but its own.
"""

import argparse

import jwt

import verdict
from verdict import same

SECONDS = 30
TIMELESS = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "iat", "nbf", "sub"]}


def read(keys, token, algorithm, audience="up", issuer="portcullis"):
    key = keys.get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options=TIMELESS)


def says_who(keys, token, algorithm):
    claims = read(keys, token, algorithm)
    same((claims["sub"], claims["exp"] - claims["iat"]), ("alice", 60))
    return claims


def refuses(fault, *arguments, **wanted):
    try:
        read(*arguments, **wanted)
    except fault:
        return
    raise AssertionError("it was taken")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keys")
    parser.add_argument("tokens", nargs="+")
    parser.add_argument("--only", type=lambda words: words.split(","))
    given = parser.parse_args()
    verdicts = verdict.Verdicts("identity_client", SECONDS, given.only)
    keys = jwt.PyJWKClient(given.keys)
    for token in given.tokens:
        name = jwt.get_unverified_header(token)["alg"]
        asked = (keys, token, name)
        header, claims, signature = token.split(".")
        changed = ".".join([header, claims, ("B" if signature[0] == "A" else "A") + signature[1:]])
        verdicts.run(f"{name}: says who is asking", says_who, *asked)
        verdicts.run(f"{name}: is for one upstream", lambda: refuses(jwt.InvalidAudienceError, *asked, audience="other"))
        verdicts.run(f"{name}: is of one issuer", lambda: refuses(jwt.InvalidIssuerError, *asked, issuer="other"))
        verdicts.run(f"{name}: is signed", lambda: refuses(jwt.InvalidSignatureError, keys, changed, name))
    verdicts.finish()


if __name__ == "__main__":
    main()
