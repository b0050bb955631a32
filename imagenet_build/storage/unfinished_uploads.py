"""EDGE: multipart uploads that a killed writer left unfinished. Nobody sees them, but their parts are paid for."""

from __future__ import annotations

import logging
from typing import Any

from imagenet_build.storage.object_store import ObjectStore

_log = logging.getLogger(__name__)


def abort_unfinished(store: ObjectStore) -> int:
    """Remove the parts of unfinished uploads below a prefix; the number of uploads.

    pyarrow cannot; boto3 can, where it is installed. Without it the bucket's lifecycle rule must do it
    (AbortIncompleteMultipartUpload). GCS has no such parts: its unfinished uploads expire.
    """
    if not store.url.startswith("s3://"):
        return 0
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return 0
    count = 0
    try:
        client: Any = boto3.client("s3", **_client_options(dict(store.options)))
        prefix = f"{store.base.partition('/')[2]}/"
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=store.bucket, Prefix=prefix):
            for upload in page.get("Uploads", []):
                client.abort_multipart_upload(Bucket=store.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                count += 1
    except (BotoCoreError, ClientError) as error:
        _log.info("unfinished uploads below %s were not removed: %s", store.url, error)
    return count


def _client_options(query: dict[str, str]) -> dict[str, Any]:
    """The same endpoint as pyarrow's."""
    options: dict[str, Any] = {}
    if "endpoint_override" in query:
        options["endpoint_url"] = f"{query.get('scheme', 'https')}://{query['endpoint_override']}"
        options["region_name"] = "us-east-1"
    if "region" in query:
        options["region_name"] = query["region"]
    return options
