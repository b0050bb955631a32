"""What an object store refuses, in words: pyarrow's texts for S3 and for Google Cloud Storage."""

from __future__ import annotations

import re

from imagenet_build.errors import StoreUnusable

_AWS_ERROR = re.compile(r"AWS Error ([A-Z_]+)(?: \(HTTP status (\d+)\))?")
_GOOGLE_ERROR = re.compile(r"google::cloud::Status\(([A-Z_]+)")
_GOOGLE_STATUS = re.compile(r"http_status_code=(\d+)")
_OTHER_REGION = re.compile(r"located in '([^']+)'")
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or those of `gcloud auth application-default login`",
}
_ENDPOINT = {"s3": "AWS_ENDPOINT_URL", "gs": "STORAGE_EMULATOR_HOST"}
_LATER = "Nothing is lost: give the same command again later."


def hides_an_answer(error: Exception) -> bool:
    """Whether the store answered something that pyarrow could not take, and so did not repeat.

    It gives the client a buffer as long as the range that it asks for. The text of an error (a slow-down, say) that is
    longer does not fit in, and all that is left of it is this, which counts as final. Met with Apache Doris too:
    https://github.com/apache/doris/pull/66557
    """
    return "Failed to flush response stream" in str(error)


def store_error(error: Exception, where: str) -> StoreUnusable:
    """An error of the store as one paragraph with a remedy.

    Args:
        error: what pyarrow raised.
        where: the URL, which tells the kind of the store.
    """
    scheme = where.partition("://")[0]
    text = " ".join(str(error).split())
    kind, status = _kind_of(text)
    credentials = _CREDENTIALS.get(scheme, _CREDENTIALS["s3"])
    if kind == "NO_SUCH_BUCKET" or "NoSuchBucket" in text or isinstance(error, FileNotFoundError):
        said, remedy = "there is no such bucket", "Make it first, or mend the URL, the region or the endpoint."
    elif status == "301" or "configured region" in text or "PermanentRedirect" in text:
        region = _OTHER_REGION.search(text)
        said = f"the bucket lies in another region{f', {region.group(1)}' if region else ''}"
        remedy = f"Name it: AWS_REGION={region.group(1) if region else 'REGION'} in the environment."
    elif "access token" in text:
        said, remedy = "no credentials are found for it", f"Give them in the environment: {credentials}."
    elif kind in (
        *("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "INVALID_CLIENT_TOKEN_ID"),
        *("PERMISSION_DENIED", "UNAUTHENTICATED"),
    ) or status in ("401", "403"):
        said = "the store refuses access"
        remedy = (
            "Give credentials that may list, read, write and delete there, in the environment"
            f" ({credentials}), never in the URL."
        )
    elif kind in ("SLOW_DOWN", "THROTTLING", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED") or status in (
        "429",
        "503",
    ):
        said, remedy = "the store goes on asking to slow down", _LATER
    elif kind == "NETWORK_CONNECTION" or "timed out" in text.lower() or "CURL error" in text:
        said = "the store does not answer"
        endpoint = _ENDPOINT.get(scheme, "the endpoint")
        remedy = f"Look at the network, {endpoint} and the URL; then give the same command again."
    elif kind in ("INTERNAL_FAILURE", "SERVICE_UNAVAILABLE", "UNAVAILABLE", "INTERNAL") or status.startswith("5"):
        said, remedy = "the store fails, and goes on failing when asked again", _LATER
    else:
        said, remedy = "the store says: " + text[:300], "Nothing is lost: mend it and give the same command again."
    return StoreUnusable(f"{where} cannot be used: {said}.", source=where, remedy=remedy)


def _kind_of(text: str) -> tuple[str, str]:
    """The error's name and the HTTP status, each empty where it is not said."""
    aws, google = _AWS_ERROR.search(text), _GOOGLE_ERROR.search(text)
    if aws:
        return aws.group(1), aws.group(2) or ""
    status = _GOOGLE_STATUS.search(text)
    return google.group(1) if google else "", status.group(1) if status else ""
