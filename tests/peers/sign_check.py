"""What `portcullis sign` prints, verified by the libraries of PyPI, which know the time of the machine.

    sign_check.py BINARY FOLDER

with the keys that keys.py left in FOLDER.
"""

import base64
import subprocess
import sys
from pathlib import Path

import http_message_signatures as signatures
import requests
from http_message_signatures import algorithms
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook, WebhookVerificationError

from verdict import Verdicts, holds, same

ALGORITHMS = {
    "hmac-sha256": (algorithms.HMAC_SHA256, "--secret-file", "secret.txt", "secret.txt"),
    "ed25519": (algorithms.ED25519, "--private-key", "ed25519.key", "ed25519.pem"),
    "ecdsa-p256-sha256": (algorithms.ECDSA_P256_SHA256, "--private-key", "p256.key", "p256.pem"),
    "rsa-pss-sha512": (algorithms.RSA_PSS_SHA512, "--private-key", "rsa.key", "rsa.pem"),
    "rsa-v1_5-sha256": (algorithms.RSA_V1_5_SHA256, "--private-key", "rsa.key", "rsa.pem"),
}
URL = "http://example.test/orders?x=1&y=%20"
BODY = '{"item": "ü", "count": 7}'


def printed(binary, scheme, *more):
    command = [binary, "sign", "--scheme", scheme, *more, "--headers-only", "POST", URL, "-d", BODY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    holds(done.returncode == 0, done.stderr)
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def message(binary, folder, algorithm):
    kind, option, private, public = ALGORITHMS[algorithm]
    more = ["--alg", algorithm] if algorithm.startswith("rsa") else []
    fields = printed(
        binary, "rfc9421", "--key-id", "acme", option, str(folder / private), *more,
        "--cover", "content-type", "-H", "Content-Type: application/json",
    )
    key = (folder / public).read_bytes()
    resolver = signatures.MappingKeyResolver(public_keys={"acme": key}, private_keys={})
    verifier = signatures.HTTPMessageVerifier(signature_algorithm=kind, key_resolver=resolver)

    def verify(method="POST", url=URL, body=BODY, **changed):
        headers = {"Content-Type": "application/json", **fields, **changed}
        made = requests.Request(method, url, headers=headers, data=body.encode()).prepare()
        return verifier.verify(made, body=body.encode())

    [result] = verify()
    covered = {str(name).split('"')[1] for name in result.covered_components}
    wanted = {"@method", "@authority", "@path", "@query", "content-digest", "content-type"}
    holds(wanted <= covered or {"@method", "@target-uri", "content-digest", "content-type"} <= covered, covered)
    for what, bent in [
        ("method", {"method": "PUT"}),
        ("path", {"url": URL.replace("orders", "order")}),
        ("query", {"url": URL.replace("x=1", "x=2")}),
        ("host", {"url": URL.replace("example", "other")}),
        ("body", {"body": BODY.replace("7", "8")}),
        ("field", {"Content-Type": "text/plain"}),
    ]:
        try:
            verify(**bent)
        except signatures.InvalidSignature:
            continue
        raise AssertionError(f"another {what} is taken as well")
    return ", ".join(sorted(covered))


def slack(binary, folder):
    fields = printed(binary, "slack", "--secret-file", str(folder / "secret.txt"))
    verifier = SignatureVerifier((folder / "secret.txt").read_text())
    lower = {name.lower(): value for name, value in fields.items()}
    holds(verifier.is_valid_request(BODY, lower), fields)
    holds(not verifier.is_valid_request(BODY + " ", lower), "another body is taken as well")


def standard(binary, folder):
    secret = "whsec_" + base64.b64encode((folder / "secret.txt").read_bytes()).decode()
    file = folder / "whsec.txt"
    file.write_text(secret)
    fields = printed(binary, "standard-webhooks", "--secret-file", str(file))
    same(Webhook(secret).verify(BODY, fields)["count"], 7)
    try:
        Webhook(secret).verify(BODY + " ", fields)
    except WebhookVerificationError:
        return
    raise AssertionError("another body is taken as well")


def main():
    binary, folder = sys.argv[1], Path(sys.argv[2])
    verdicts = Verdicts("sign_check", 120)
    for algorithm in ALGORITHMS:
        verdicts.run(f"http-message-signatures {algorithm}", message, binary, folder, algorithm)
    verdicts.run("slack_sdk", slack, binary, folder)
    verdicts.run("standardwebhooks", standard, binary, folder)
    verdicts.finish()


if __name__ == "__main__":
    main()
