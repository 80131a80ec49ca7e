"""A service and its caller, by `grpcio`; messages are plain bytes.

serve         prints its port, and serves until standard input ends
ask ADDRESS   makes calls of all four kinds, good ones and bad ones, and prints `called`
"""

import sys
import threading
import time
from concurrent import futures

import grpc

LARGE = b"x" * (3 << 20)
cancelled = threading.Event()


def unary(request, context):
    return request


def download(request, context):
    for number in range(int(request)):
        yield b"%d" % number


def upload(requests, context):
    return b"%d" % sum(len(request) for request in requests)


def chat(requests, context):
    for request in requests:
        yield b"heard " + request


def fail(request, context):
    context.set_trailing_metadata([("reason", "because"), ("bytes-bin", b"\x00\xff")])
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "50% wrong: ü")


def slow(request, context):
    context.add_callback(cancelled.set)
    time.sleep(60)
    return b""


def endless(request, context):
    context.add_callback(cancelled.set)
    while context.is_active():
        yield b"more"
        time.sleep(0.01)


def was_cancelled(request, context):
    seen = cancelled.wait(10)
    cancelled.clear()
    return b"yes" if seen else b"no"


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(32))
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Download": grpc.unary_stream_rpc_method_handler(download),
        "Upload": grpc.stream_unary_rpc_method_handler(upload),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Slow": grpc.unary_unary_rpc_method_handler(slow),
        "Endless": grpc.unary_stream_rpc_method_handler(endless),
        "WasCancelled": grpc.unary_unary_rpc_method_handler(was_cancelled),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Calls", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call went well")


def ask(address):
    channel = grpc.insecure_channel(address)
    unary = lambda name, path="test.Calls": channel.unary_unary(f"/{path}/{name}")
    assert unary("Unary")(b"") == b""
    assert unary("Unary")(LARGE, timeout=20) == LARGE
    assert list(channel.unary_stream("/test.Calls/Download")(b"100")) == [b"%d" % number for number in range(100)]
    assert channel.stream_unary("/test.Calls/Upload")(iter([b"abc"] * 1000)) == b"3000"

    # Each is sent when the one before has been answered.
    turns = threading.Semaphore(1)

    def questions():
        for number in range(50):
            turns.acquire()
            yield b"%d" % number

    for number, answer in enumerate(channel.stream_stream("/test.Calls/Chat")(questions())):
        assert answer == b"heard %d" % number
        turns.release()

    error = failure(lambda: unary("Fail")(b""))
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "50% wrong: ü"), error
    trailing = dict(error.trailing_metadata())
    assert (trailing["reason"], trailing["bytes-bin"]) == ("because", b"\x00\xff"), trailing

    start = time.monotonic()
    error = failure(lambda: unary("Slow")(b"", timeout=0.3))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() - start < 10, error
    assert unary("WasCancelled")(b"") == b"yes"

    stream = channel.unary_stream("/test.Calls/Endless")(b"")
    assert next(stream) == b"more"
    stream.cancel()
    assert unary("WasCancelled")(b"") == b"yes"

    assert failure(lambda: unary("Unary", "private.Calls")(b"")).code() == grpc.StatusCode.UNAUTHENTICATED
    assert failure(lambda: unary("Unary", "nobody.Calls")(b"")).code() == grpc.StatusCode.UNIMPLEMENTED
    assert failure(lambda: unary("Unary", "gone.Calls")(b"")).code() == grpc.StatusCode.UNAVAILABLE
    limited = unary("Unary", "limited.Calls")
    assert [failure(lambda: limited(b"")).code().name for _ in range(2)] == ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]
    print("called")


serve() if sys.argv[1] == "serve" else ask(sys.argv[2])
