"""Uploads as they stream in: hashed into a local file, within bounds, whole or not at all.

Nothing in here refuses: what is wrong with a file is said by the form or the API together with
everything else, so that what was typed is kept.
"""

import io

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParserError

from evidence.incoming import Part

CUT_OFF = "The upload ended before it was complete. Nothing was kept; send it again."


class CutOff(OSError):
    """The connection ended before the body that was announced had come."""


class Upload(UploadedFile):
    """An uploaded file whose bytes lie in a local file, hashed; `error` is why they do not."""

    def __init__(self, name: str, part: Part | None, size: int, error: OSError | None, **more):
        is_there = part is not None and error is None and not part.is_too_large
        # Closed with the request.
        file = part.path.open("rb") if is_there else io.BytesIO(part.head if part else b"")
        super().__init__(file, name, size=size, **more)
        self.part, self.error = part, error

    @property
    def head(self) -> bytes:
        """The first bytes, also of a file that is too large to be kept."""
        return self.part.head if self.part else b""

    def close(self):
        super().close()
        if self.part:
            self.part.discard()


class Handler(FileUploadHandler):
    """Writes each file to a part; a disk that fails is remembered, and the rest is passed over."""

    chunk_size = 256 * 1024
    part = None

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self.part = self.error = None
        self._try(self._begin)

    def receive_data_chunk(self, raw_data, start):
        if self.error is None:
            self._try(self.part.write, raw_data)

    def file_complete(self, file_size):
        if self.error is None:
            self._try(self.part.finish)
        part, self.part = self.part, None  # from now on it is the upload's
        return Upload(
            self.file_name,
            part,
            file_size,
            self.error,
            content_type=self.content_type,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )

    def abandon(self) -> None:
        """Remove the file that was begun and never ended, if there is one."""
        if self.part:
            self.part.discard()

    def upload_complete(self):
        if not self.body.is_whole(self.boundary):
            raise MultiPartParserError(CUT_OFF)

    def handle_raw_input(self, input_data, META, content_length, boundary, encoding=None):  # noqa: N803
        self.boundary, self.body = boundary, self.request.body_as_sent

    def _begin(self):
        self.part = Part(settings.EVIDENCE_FILE_MAX_BYTES)

    def _try(self, step, *args) -> None:
        try:
            step(*args)
        except OSError as error:
            self.error = error
            if self.part:
                self.part.discard()


class BodyAsSent:
    """The stream of a request's body, which tells whether all of it came.

    Django takes a multipart body that is cut off for a complete one: half a file would become
    evidence.
    """

    LONGEST_END = 256

    def __init__(self, stream, length: int):
        self._stream, self._left, self._end = stream, length, b""

    def read(self, *args) -> bytes:
        return self._seen(self._stream.read(*args), *args)

    def readline(self, *args) -> bytes:
        return self._seen(self._stream.readline(*args), *args)

    def is_whole(self, boundary: bytes) -> bool:
        """Whether the body ended as a multipart body does."""
        return self._end.rstrip(b"\r\n \t").endswith(b"--" + boundary + b"--")

    def _seen(self, data: bytes, size: int = -1) -> bytes:
        if not data and size and self._left > 0:
            raise CutOff(CUT_OFF)
        self._left -= len(data)
        self._end = (self._end + data[-self.LONGEST_END :])[-self.LONGEST_END :]
        return data


def stream_into_parts(request, length: int) -> Handler:
    """Let the files of a request that was not read yet, of `length` bytes, stream into parts.

    Whoever calls this abandons the handler that it returns when the request is answered.
    """
    # There is no public place between the server's stream and Django's parser.
    request._stream = request.body_as_sent = BodyAsSent(request._stream, length)
    handler = Handler(request)
    request.upload_handlers = [handler]
    return handler
