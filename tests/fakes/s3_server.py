"""An S3 server on loopback: moto's own, behind a door that writes down every request and can refuse some."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

pytest.importorskip("moto.server", reason="moto[server] is not installed (pip install imagenet-build[dev])")
boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (pip install imagenet-build[dev])")

from moto.moto_api._internal import moto_api_backend  # noqa: E402
from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

BUCKET = "bucket"
_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>made up</Message></Error>'
FAULTS = {
    "InternalError": "500 Internal Server Error",
    "SlowDown": "503 Slow Down",
    "AccessDenied": "403 Forbidden",
    "PermanentRedirect": "301 Moved Permanently",
}


@dataclass(frozen=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    query: str
    range: str
    is_ours: bool
    """From the program under test, not from a test that looks into the bucket."""
    account: str = ""
    """The access key that it was signed with."""
    fault: str = ""

    @property
    def key(self) -> str:
        """The object, or the empty text."""
        return self.path.removeprefix(f"/{BUCKET}").lstrip("/")


class S3Server:
    """Use as a context manager. `refuse` decides about each request: the name of a fault, or an empty text."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.refuse: Callable[[Request], str] = lambda _: ""
        self._turn = threading.Lock()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._door, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> S3Server:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._thread.start()
        self.client.create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse = lambda _: ""
        moto_api_backend.reset()  # moto keeps its state in the process
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find the server and be let in."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": "us-east-1",
        }

    @property
    def client(self) -> Any:
        """Another program that looks into the bucket."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing-secret",
        )

    def stored(self, prefix: str = "") -> list[str]:
        """Objects of the bucket, without the empty ones that stand for folders."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [row["Key"] for page in pages for row in page.get("Contents", []) if not row["Key"].endswith("/")]

    def data(self, key: str) -> bytes:
        """An object's bytes."""
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data

    def unfinished(self) -> list[str]:
        """Keys of multipart uploads that are under way, or were left."""
        return [row["Key"] for row in self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def _door(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ.get("QUERY_STRING", ""),
            environ.get("HTTP_RANGE", ""),
            "Boto3" not in environ.get("HTTP_USER_AGENT", ""),
            environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition("/")[0],
        )
        fault = self.refuse(request)
        self.requests.append(replace(request, fault=fault))
        if fault:
            chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "")
            environ["wsgi.input"].read(-1 if chunked else int(environ.get("CONTENT_LENGTH") or 0))
            start_response(FAULTS[fault], [("Content-Type", "application/xml")])
            return [_ERROR.format(code=fault).encode()]
        with self._turn:  # moto's models are not made for threads
            return [b"".join(self._app(environ, start_response))]
