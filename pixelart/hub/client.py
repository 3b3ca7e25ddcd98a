"""The Hub client: its sign-in, timeouts and error messages."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from huggingface_hub import HfApi, constants, get_token, set_client_factory
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars
from huggingface_hub.utils._http import default_client_factory
from huggingface_hub.utils.logging import set_verbosity_error

from pixelart.errors import Cancelled, HubFailure, PixelArtError
from pixelart.hub.guard import TOO_SLOW, BareFailure, allow_token, check_request, check_response, time_limit
from pixelart.system.proxies import proxy_refusal, settle_proxies

TIMEOUT = 10.0
"""Timeout in seconds of the first request of each task."""
READ_TIMEOUT = 30.0
"""Timeout in seconds of any other read; the client itself has none."""
LONGEST_PAUSE = 10
"""Longest pause in seconds before a retry that the Hub may request. If it requests more, the client uses its own
back-off (about twenty seconds in all, then the call fails)."""
_USER = re.compile(r"[\w.-]{1,96}", re.ASCII)
_DISK_ERRORS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO)
_MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (GatedRepoError, "its owner gives access on request; ask on its page, then sign in"),
    (RepositoryNotFoundError, "it does not exist, or it is private"),
    (RevisionNotFoundError, "it has no such revision"),
    (DisabledRepoError, "it was disabled"),
    (HFValidationError, "not a name on the Hub, such as user/name"),
    (LocalTokenNotFoundError, "nobody is signed in"),
    (OfflineModeIsEnabled, "HF_HUB_OFFLINE is set, so the Hub is not called"),
)
"""Exception of huggingface_hub -> its meaning; subclasses come first."""
_FULL = "the storage of the account on the Hub is full"
_STATUS = {
    401: "the sign-in is not valid or has expired",
    402: _FULL,
    403: "the sign-in does not allow it",
    409: "it is being changed by somebody else",
    412: "somebody else changed it meanwhile",
    413: "it is larger than the Hub accepts",
    429: "too many requests to the Hub; wait a few minutes",
}


def _new_client():  # no return type: it belongs to the HTTP library of huggingface_hub, which is not imported here
    settle_proxies()
    if reason := proxy_refusal():
        raise BareFailure(reason)
    client = default_client_factory()
    client.timeout = READ_TIMEOUT
    client.headers["Accept-Encoding"] = "identity"
    hooks = client.event_hooks
    client.event_hooks = {
        "request": [*hooks["request"], check_request],
        "response": [*hooks["response"], _bound_pause, check_response],
    }
    return client


def _bound_pause(response: Any) -> None:
    """Remove headers that request long pauses; the client would obey them."""
    for name, seconds in (("retry-after", r"\d+"), ("ratelimit", r"(?<=t=)\d+")):
        found = re.search(seconds, response.headers.get(name, "").replace(" ", ""))
        if found and int(found[0]) > LONGEST_PAUSE:
            del response.headers[name]


set_client_factory(_new_client)
if not (constants.HF_DEBUG or os.environ.get("HF_HUB_VERBOSITY")):  # the user wants debug output
    set_verbosity_error()  # its warnings contain signed URLs; `translate_errors` reports the errors


def local_token() -> str | None:
    """The token of this machine's sign-in. Never use it for a visitor of a server."""
    with translate_errors("sign-in"):
        return get_token()


def client(token: str | None) -> HfApi:
    """A client signed in with `token`, or anonymous if None."""
    disable_progress_bars()
    api = HfApi(token=token or False)
    allow_token(api.endpoint)
    return api


def sign_in(token: str | None) -> str:
    """The account name of `token`.

    Raises:
        HubFailure: no token, an invalid one, or no connection.
    """
    with translate_errors("sign-in"):
        if not token:
            raise HubFailure("sign-in: nobody is signed in")
        name = client(token).whoami()["name"]
        if not (isinstance(name, str) and _USER.fullmatch(name)):
            raise BareFailure("the Hub's answer is not understood")
        return name


@contextmanager
def translate_errors(
    what: str, *, seconds: float | None = None, meanings: Mapping[int, str] | None = None
) -> Iterator[None]:
    """Turn errors of huggingface_hub into a HubFailure about `what`, and limit the calls inside to `seconds`
    (`time_limit`). `meanings`: HTTP status -> what it means here, where that differs from the usual.

    The messages are our own, and the traceback is cut: the originals may hold signed URLs or anything a server sends.
    Disk errors pass through. All other exceptions are caught, because those of huggingface_hub, its HTTP client and its
    uploader have no common base class.
    """
    with time_limit(seconds) as is_over:
        try:
            yield
        except BareFailure as failure:
            raise HubFailure(f"{what}: {failure}") from None
        except (PixelArtError, Cancelled):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
                raise
            status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
            usual = TOO_SLOW if is_over() else _meaning(error)
            raise HubFailure(f"{what}: {(meanings or {}).get(status, usual)}", status=status) from None


def _meaning(error: BaseException) -> str:
    if isinstance(error, BareFailure):
        return str(error)
    if isinstance(error, LocalEntryNotFoundError | RuntimeError) and error.__cause__:
        return _meaning(error.__cause__)  # wrappers such as "error while uploading": the cause says what happened
    for kind, text in _MEANINGS:
        if isinstance(error, kind):
            return text
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status == 403 and re.search("storage|quota", str(error.server_message or error), re.I):
            return _FULL
        return _STATUS.get(status, f"the Hub answers {status}" + ("; try again later" if status >= 500 else ""))
    if isinstance(error, ValueError | TypeError | KeyError | AssertionError):
        return "the Hub's answer is not understood"
    return "the Hub cannot be reached"
