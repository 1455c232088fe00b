"""The names of everything that a call has in Redis, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CallKeys:
    """Redis keys of the calls of one deployment. `{p}` is its prefix.

    {p}:call:{id}            hash: call (msgpack), queue, web, worker, epoch, runs, output;
                             lives as long as the call may take, deleted at its end
    {p}:call:{id}:body       string: the client's request body; likewise
    {p}:call:{id}:blob:{epoch}:{n}   string: an event too large for a frame; its reader deletes it,
                             else it expires after two minutes
    {p}:web:{id}:replies     list of frames for one web process; it drains it, and it expires
                             a minute after the last frame when nobody does
    {p}:alive:{id}           string: a process lives; expires 6 s after its last beat
    {p}:workers, {p}:webs    zset process id -> last beat in Unix ms; the reaper removes
    {p}:worker:{id}:claims   hash call id -> epoch: the calls a worker has; it or the reaper removes
    {p}:wake                 list of tokens: something is queued; at most one waits
    {p}:epoch                integer, counts executions; kept
    {p}:queue:{q}:sizes      hash call id -> body bytes, of the calls that wait
    {p}:queue:{q}:bytes      integer: the sum of those
    {p}:queue:{q}:rate       hash: calls started in this and the last ten seconds
    """

    prefix: str

    def record(self, call_id: str) -> str:
        return f"{self.prefix}:call:{call_id}"

    def body(self, call_id: str) -> str:
        return f"{self.prefix}:call:{call_id}:body"

    def blob(self, call_id: str, *, epoch: int, number: int) -> str:
        return f"{self.prefix}:call:{call_id}:blob:{epoch}:{number}"

    def replies(self, web_id: str) -> str:
        return f"{self.prefix}:web:{web_id}:replies"

    def alive(self, process_id: str) -> str:
        return f"{self.prefix}:alive:{process_id}"

    def processes(self, role: str) -> str:
        return f"{self.prefix}:{role}s"

    def claims(self, worker_id: str) -> str:
        return f"{self.prefix}:worker:{worker_id}:claims"

    @property
    def wake(self) -> str:
        return f"{self.prefix}:wake"

    @property
    def epoch(self) -> str:
        return f"{self.prefix}:epoch"

    def sizes(self, queue: str) -> str:
        return f"{self.prefix}:queue:{queue}:sizes"

    def waiting_bytes(self, queue: str) -> str:
        return f"{self.prefix}:queue:{queue}:bytes"

    def rate(self, queue: str) -> str:
        return f"{self.prefix}:queue:{queue}:rate"
