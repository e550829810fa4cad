"""The yardstick of downloads: the backend's server sending one plain file, and nothing else.

``python -m benchmarks.plain_server FILE`` serves it at ``/file`` until standard input closes.
"""

import json
import socket
import sys
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route


def main() -> None:
    """Serve the file on a free port, whose address is printed."""
    path = sys.argv[1]

    async def file(_: Request) -> FileResponse:
        return FileResponse(path, media_type="audio/wav")

    app = Starlette(routes=[Route("/file", file)])
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    server = uvicorn.Server(config)

    def wait_for_the_end() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
