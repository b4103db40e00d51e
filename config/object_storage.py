"""Evidence in S3-compatible storage, for those who installed the extra `s3`."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

#: The most that one PUT takes in.
ONE_PUT = 5 * 1024**3
MEBIBYTE = 1024**2


def s3_storage(bucket: str, *, endpoint: str, region: str) -> dict[str, Any]:
    """Return the entry of `STORAGES`; credentials are found where boto3 looks for them."""
    try:
        from boto3.s3.transfer import TransferConfig
        from botocore.config import Config
    except ImportError:
        raise ImproperlyConfigured(
            "EVIDENCE_S3_BUCKET is set, but what talks to it is not installed. "
            'Run: pip install "gatehouse[s3]"'
        ) from None
    options = {
        "bucket_name": bucket,
        "endpoint_url": endpoint or None,
        "region_name": region or None,
        # A bucket may be public by mistake; what is put there is not.
        "default_acl": None,
        "querystring_auth": True,
        # The name is the digest of the bytes: writing over them changes nothing.
        "file_overwrite": True,
        # In one piece: an upload that dies leaves no parts that nobody sees and somebody pays.
        "transfer_config": TransferConfig(multipart_threshold=ONE_PUT, use_threads=False),
        # What is read goes through a local file, not through memory.
        "max_memory_size": MEBIBYTE,
        "client_config": Config(
            connect_timeout=5,
            read_timeout=20,
            retries={"max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint else "auto"},
            signature_version="s3v4",
        ),
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
