"""How the gRPC client here makes a call: one channel to an address, messages as plain bytes."""

import json
import uuid

import grpc

SERVICE = "portcullis.test.Peer"
# How long any call may take unless its case says otherwise: only a broken one waits this long.
PATIENCE = 20


class Calls:
    def __init__(self, address, authority=None, options=()):
        self.address, self.authority = address, authority
        settings = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # Each channel has connections of its own, so that a case sees its own only.
            ("grpc.use_local_subchannel_pool", 1),
            # What fails is to be seen, not to be tried again.
            ("grpc.enable_retries", 0),
            *options,
        ]
        if authority:
            settings.append(("grpc.default_authority", authority))
        self.channel = grpc.insecure_channel(address, options=settings)

    def another(self, *options):
        return Calls(self.address, self.authority, options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def stub(self, method, kind=None):
        """`method` is one of our service, or a whole path."""
        path = method if method.startswith("/") else f"/{SERVICE}/{method}"
        return getattr(self.channel, kind or KINDS.get(method, "unary_unary"))(path)

    def unary(self, method, message, **options):
        return self.stub(method)(message, timeout=options.pop("timeout", PATIENCE), **options)

    def fails(self, method, message, **options):
        """The fault of a call that must have one."""
        try:
            got = self.stub(method, "unary_unary")(message, timeout=options.pop("timeout", PATIENCE), **options)
        except grpc.RpcError as fault:
            return fault
        raise AssertionError(f"{method} was answered with {len(got)} bytes")

    def seen(self, call, fact):
        """What the server saw of a call, once it saw this."""
        return json.loads(self.unary("Seen", dumped(call=call, fact=fact)))


KINDS = {
    "Collect": "stream_unary",
    "Emit": "unary_stream",
    "Chat": "stream_stream",
    "HangUp": "stream_stream",
    "SleepStream": "stream_stream",
}


def dumped(**message):
    return json.dumps(message).encode()


def new_call():
    return str(uuid.uuid4())
