"""Takes HTTP/1.1 chunked bodies apart. Pure.

http.client reads a chunk's size, the chunk and its end one by one, so twenty small chunks that
came in one packet cost sixty reads. This takes what has come as a whole.

Source: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
"""

MAX_LINE_BYTES = 64 * 1024
"""Of a chunk's size with its extensions, and of a trailer field."""


class ChunkParser:
    """Cuts what comes of a chunked body into its payload; any cut of the input gives the same."""

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0
        """Bytes of the chunk under way, with the line end behind it."""
        self._in_trailer = False
        self.done = False
        """Whether the last chunk and the trailer came."""
        self.fault: str | None = None
        """What is wrong with its framing; nothing more is taken then."""
        self.has_excess = False
        """Whether something came behind the end of the body."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the payload that they hold, up to a fault."""
        if self._buffer:
            data = self._buffer + data
        pieces: list[bytes] = []
        position = 0
        while not self.done and not self.fault and position < len(data):
            if self._left:
                position = self._chunk(data, position, pieces=pieces)
                if self._left == 2 and len(data) - position < 2:
                    break
                continue
            end = data.find(b"\n", position)
            if end < 0:
                if len(data) - position > MAX_LINE_BYTES:
                    self.fault = "a line of its framing has no end"
                break
            self._line(data[position:end].rstrip(b"\r"))
            position = end + 1
        self._buffer = b"" if self.done else data[position:]
        self.has_excess = self.done and position < len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _chunk(self, data: bytes, position: int, *, pieces: list[bytes]) -> int:
        """Take what there is of the chunk under way; return where it ends."""
        wanted = self._left - 2
        if wanted:
            piece = data[position : position + wanted]
            pieces.append(piece)
            position += len(piece)
            self._left -= len(piece)
        if self._left == 2 and len(data) - position >= 2:
            if data[position : position + 2] != b"\r\n":
                self.fault = "a chunk is longer than it says"
            position += 2
            self._left = 0
        return position

    def _line(self, line: bytes) -> None:
        """Take a chunk's size, or a line of the trailer."""
        if self._in_trailer:
            self.done = not line
            return
        size = line.split(b";", 1)[0].strip()
        # int() would also take a sign and underscores.
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            self.fault = "the size of a chunk is not a number"
            return
        length = int(size, 16)
        if length:
            self._left = length + 2
        else:
            self._in_trailer = True
