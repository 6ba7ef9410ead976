"""Requests signed by the libraries of PyPI: HTTP message signatures, and the webhooks of two makers.

    signatures.py FOLDER --now SECONDS --host NAME

with the keys that keys.py left in FOLDER. Each line holds a request, what of it is signed, and the answer that is right.
"""

import argparse
import base64
import datetime
import email.utils
import functools
from pathlib import Path

import http_message_signatures as signatures
import requests
import requests_http_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import algorithms
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook

from verdict import Verdicts

# By the name that each has in the gateway's file, too.
ALGORITHMS = {
    "hmac-sha256": (algorithms.HMAC_SHA256, "secret.txt"),
    "ed25519": (algorithms.ED25519, "ed25519.key"),
    "ecdsa-p256-sha256": (algorithms.ECDSA_P256_SHA256, "p256.key"),
    "rsa-pss-sha512": (algorithms.RSA_PSS_SHA512, "rsa.key"),
    "rsa-v1_5-sha256": (algorithms.RSA_V1_5_SHA256, "rsa.key"),
}
BODY = '{"item": "ü", "count": 7}'
OUT = (401, "signature.invalid")
OLD = (401, "signature.expired")


@functools.cache
def loaded(file):
    return load_pem_private_key(file.read_bytes(), None)


class Maker:
    def __init__(self, verdicts, folder, now, host):
        self.verdicts, self.folder, self.now, self.host = verdicts, folder, now, host

    def moment(self, seconds=0):
        return datetime.datetime.fromtimestamp(self.now + seconds, tz=datetime.timezone.utc)

    def key(self, algorithm, other=False):
        name = ALGORITHMS[algorithm][1]
        if name == "secret.txt":
            secret = (self.folder / name).read_bytes()
            return secret[::-1] if other else secret
        return loaded(self.folder / (name.replace(".key", "-other.key") if other else name))

    def say(self, case, answer, scheme, fields, body, signed, method="POST", query="?x=1&y=%20"):
        self.verdicts.note(
            case,
            True,
            status=answer[0],
            code=answer[1],
            method=method,
            target=f"/{scheme}/in{query}",
            fields=[[name, value] for name, value in fields.items() if name.lower() != "content-length"],
            body=body,
            signed=signed,
        )

    def message(self, algorithm, body, age=0, other=False, cover=()):
        """PyPI `http-message-signatures`."""
        method, url = ("POST" if body else "GET"), f"http://{self.host}/rfc9421/in?x=1&y=%20"
        message = requests.Request(method, url).prepare()
        message.headers["Date"] = email.utils.formatdate(self.now, usegmt=True)
        message.headers["Content-Type"] = "application/json"
        resolver = signatures.MappingKeyResolver(private_keys={algorithm: self.key(algorithm, other)}, public_keys={})
        signer = signatures.HTTPMessageSigner(signature_algorithm=ALGORITHMS[algorithm][0], key_resolver=resolver)
        signer.sign(
            message,
            key_id=algorithm,
            created=self.moment(-age),
            covered_component_ids=cover or ("@method", "@authority", "@path", "@query", "date", "content-type"),
            body=body.encode() if body else None,
        )
        return message

    def messages(self, algorithm):
        name = f"http-message-signatures {algorithm}"
        every = ["method", "path", "query", "host", "date", "field"]
        for what, body, cover in [
            ("with a body", BODY, ()),
            ("without a body", "", ()),
            ("over the whole URI", BODY, ("@method", "@target-uri", "date", "content-type")),
        ]:
            made = self.message(algorithm, body, cover=cover)
            signed = [*every, "body"] if body else every
            self.say(f"{name} {what}", (200, ""), "rfc9421", made.headers, body, signed, made.method)
        for what, answer, more in [
            ("of another key", OUT, {"other": True}),
            ("too old", OLD, {"age": 301}),
            ("from the future", OLD, {"age": -301}),
            ("over less than it must", OUT, {"cover": ("@method", "@path")}),
        ]:
            made = self.message(algorithm, BODY, **more)
            self.say(f"{name} {what}", answer, "rfc9421", made.headers, BODY, [])

    def requests(self, algorithm):
        """PyPI `requests-http-signature`, as its users have it, but for the clock."""
        maker = self

        class Auth(requests_http_signature.HTTPSignatureAuth):
            def get_created(self, request):
                self.add_date(request, timestamp=maker.now)
                return maker.moment()

        for nonce in (False, True):
            auth = Auth(
                signature_algorithm=ALGORITHMS[algorithm][0],
                key=self.key(algorithm),
                key_id=algorithm,
                use_nonce=nonce,
                expires_in=datetime.timedelta(seconds=60),
            )
            url = f"http://{self.host}/rfc9421/in?x=1&y=%20"
            made = requests.Request("POST", url, data=BODY.encode(), auth=auth).prepare()
            signed = ["method", "path", "query", "host", "date", "body"]
            name = f"requests-http-signature {algorithm} {'with' if nonce else 'without'} a nonce"
            self.say(name, (200, ""), "rfc9421", made.headers, BODY, signed)

    def slack(self):
        for what, age, answer, secret in [
            ("good", 0, (200, ""), self.key("hmac-sha256")),
            ("too old", 301, OLD, self.key("hmac-sha256")),
            ("of another secret", 0, OUT, self.key("hmac-sha256", True)),
        ]:
            made = str(self.now - age)
            signature = SignatureVerifier(secret.decode()).generate_signature(timestamp=made, body=BODY)
            fields = {"X-Slack-Request-Timestamp": made, "X-Slack-Signature": signature}
            self.say(f"slack_sdk {what}", answer, "slack", fields, BODY, ["body", "X-Slack-Request-Timestamp"])

    def standard(self):
        for what, age, answer, secret in [
            ("good", 0, (200, ""), self.key("hmac-sha256")),
            ("too old", 301, OLD, self.key("hmac-sha256")),
            ("of another secret", 0, OUT, self.key("hmac-sha256", True)),
        ]:
            webhook = Webhook("whsec_" + base64.b64encode(secret).decode())
            made = self.moment(-age)
            fields = {
                "webhook-id": "msg_python",
                "webhook-timestamp": str(self.now - age),
                "webhook-signature": webhook.sign("msg_python", made, BODY),
            }
            signed = ["body", "webhook-id", "webhook-timestamp"]
            self.say(f"standardwebhooks of PyPI {what}", answer, "standard-webhooks", fields, BODY, signed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--now", type=int, required=True)
    parser.add_argument("--host", required=True)
    given = parser.parse_args()
    verdicts = Verdicts("signatures", 120)
    maker = Maker(verdicts, given.folder, given.now, given.host)
    attempts = [(maker.messages, name) for name in ALGORITHMS] + [(maker.requests, name) for name in ALGORITHMS]
    for attempt, *name in [*attempts, (maker.slack,), (maker.standard,)]:
        try:
            attempt(*name)
        except Exception as fault:
            verdicts.note(f"{attempt.__name__} {name}", False, f"{type(fault).__name__}: {fault}")
    verdicts.finish()


if __name__ == "__main__":
    main()
