"""Recording calls: one row when the last leg of a call has ended.

All of it is read from one event a leg, CHANNEL_DESTROY, so that nothing runs while calls are set up.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

from freeswitch.apps._marks import callback
from freeswitch.apps.measure.metrics import call_metrics
from freeswitch.apps.measure.storage import DataStorer
from freeswitch.apps.measure.store import FIELDS, TEXT, CSVStore, Row
from freeswitch.apps.models import Job, Session

NAME = "_cdr"
# Why a call that was not answered is not counted as failed by the network (NER of E.425): the far end decided.
OF_THE_USER = frozenset({
    "USER_BUSY", "NO_ANSWER", "NO_USER_RESPONSE", "CALL_REJECTED", "SUBSCRIBER_ABSENT", "ORIGINATOR_CANCEL",
    "USER_NOT_REGISTERED", "ALLOTTED_TIMEOUT", "NORMAL_CLEARING", "PROGRESS_TIMEOUT",
})  # fmt: skip


# Of which columns the values are counts.
COUNTS = frozenset({"failed_calls", "active_sessions", "erlangs"})


def _type_of(column: str) -> str:
    return "U50" if column in TEXT else "uint32" if column in COUNTS else "float64"


class CDR:
    """Records each call. `storer` has the rows; `storer.write_to(path)` writes them to a file, too.

    Load it in front of the apps whose calls it records: `apps.load(CDR(), app_id, prepend=True)`; a dialer does so.
    """

    # The columns of a row, and their types as numpy names them; a value may be missing, and is None then.
    fields: ClassVar[Sequence[tuple[str, str]]] = [(name, _type_of(name)) for name in FIELDS]
    # What a group of measuring apps makes of its rows: `measurers.ops.call_metrics()`.
    operators: ClassVar[dict[str, Any]] = {"call_metrics": call_metrics}

    def __init__(self) -> None:
        self.storer: CSVStore = CSVStore()
        self._pool: Any = None
        self._numbers = itertools.count()
        # Calls that had no leg when they failed: one that came later is not recorded twice.
        self._known: deque[str] = deque(maxlen=1000)

    def new_storer(self) -> DataStorer:
        """Give an empty store of these columns."""
        return DataStorer(type(self).__name__, self.fields)

    def prepost(self, listener: Any, storer: CSVStore | None = None, pool: Any = None) -> None:
        """Take where to record to, and whose counters stand in the rows."""
        self._pool = pool if pool is not None else self._pool or listener
        if storer is not None:
            self.storer = storer

    @callback("CHANNEL_DESTROY")
    def on_destroy(self, sess: Session) -> None:
        """Keep what is known of a leg; write the row of a call that is over."""
        call = sess.call
        if call is None:
            return
        legs: list[Session] = call.vars.setdefault(NAME, [])
        legs.append(sess)
        if call.sessions or sess._listener.is_placing(call.uuid):
            return
        caller = call.first
        if caller.uuid in self._known:
            self._known.remove(caller.uuid)
            return
        callee = next((leg for leg in legs if leg is not caller), None)
        self.storer.append(self._row(caller, callee))
        call.vars.pop(NAME, None)

    def _row(self, caller: Session, callee: Session | None) -> Row:
        created, ringing, answered, ended = _times(caller)
        job: Job | None = caller.bg_job
        asked = job.launch_time if job is not None else None
        row: Row = {
            "switchio_app": caller.cid,
            "hangup_cause": caller.get("Hangup-Cause") or "NONE",
            "caller_create": created,
            "caller_answer": answered,
            "caller_req_originate": asked,
            "caller_originate": caller.times["originate"],
            "caller_hangup": ended,
            "job_launch": asked,
            "outcome": "answered" if answered else "failed",
            "post_dial_delay": _between(created, ringing or answered),
            "ring_time": _between(ringing, answered or ended),
            "setup_time": _between(created, answered),
            "duration": _between(answered, ended),
            "host": caller.host,
            "caller_uuid": caller.uuid,
            **self._counts(),
            **_media("caller", caller),
        }
        if callee is not None:
            made, _, picked_up, over = _times(callee)
            row.update(
                callee_create=made, callee_answer=picked_up, callee_hangup=over, callee_uuid=callee.uuid,
                callee_cause=callee.get("Hangup-Cause"), **_media("callee", callee),
            )  # fmt: skip
        return row

    def _counts(self) -> Row:
        pool = self._pool
        if pool is None:
            return {}
        return {
            "failed_calls": pool.count_failed(),
            "active_sessions": pool.count_sessions(),
            "erlangs": pool.count_calls(),
        }

    def not_placed(self, app_id: str, cause: str, job: Job | None) -> None:
        """Record a call that has failed: at once where it has no leg, whose end is recorded by itself."""
        uuid = (job.sess_uuid if job is not None else None) or ""
        if job is not None and job.has_leg:
            return
        self._known.append(uuid)
        asked = job.launch_time if job is not None else None
        self.storer.append(
            {
                "switchio_app": app_id,
                "hangup_cause": cause,
                "caller_create": asked,
                "job_launch": asked,
                "outcome": "failed",
                "host": job.con.host if job is not None and job.con is not None else None,
                "caller_uuid": uuid or None,
                **self._counts(),
            }
        )


def _times(leg: Session) -> tuple[float | None, float | None, float | None, float | None]:
    """Give when a leg was made, when it rang or had early media, when it was answered, and when it was hung up."""
    created = _time(leg, "Created") or leg.times["create"]
    rang = [when for when in (_time(leg, "Progress"), _time(leg, "Progress-Media")) if when]
    return created, min(rang, default=None), _time(leg, "Answered"), _time(leg, "Hangup") or leg.times["hangup"]


def _time(leg: Session, name: str) -> float | None:
    # The newest event alone: what it does not say was not.
    value = leg.events[0].getHeader(f"Caller-Channel-{name}-Time")
    return int(value) / 1e6 if value and value != "0" else None


def _between(begin: float | None, end: float | None) -> float | None:
    return max(0.0, end - begin) if begin and end else None


def _media(role: str, leg: Session) -> Row:
    """Give what FreeSWITCH says of a leg's RTP: nothing for a leg that has none.

    The MOS is the switch's own: it rests on the share of frames without flaws, not on all of ITU-T G.107.
    """
    event = leg.events[0]
    received = event.getHeader("variable_rtp_audio_in_media_packet_count")
    if not received:
        return {}
    skipped = float(event.getHeader("variable_rtp_audio_in_skip_packet_count") or 0)
    whole = float(received) + skipped
    jitter = event.getHeader("variable_rtp_audio_in_jitter_max_variance")
    mos = event.getHeader("variable_rtp_audio_in_mos")
    return {
        f"{role}_rtp_loss": 100.0 * skipped / whole if whole else None,
        # A variance, in ms squared.
        f"{role}_rtp_jitter": float(jitter) ** 0.5 if jitter else None,
        f"{role}_mos": float(mos) if mos else None,
    }


__all__ = ["CDR", "OF_THE_USER", "call_metrics"]
