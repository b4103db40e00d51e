"""How an answer leaves: which parameters it takes, what may keep it, and when 304 says it all."""

from hashlib import sha256

from django.http import HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer

from audit import Reason
from audit.refusals import NotUnderstood

#: Longest value of a query parameter, in characters; every name, digest and cursor is shorter.
LONGEST = 2000
#: More than these help nobody, and a short question is not to have a long answer.
MOST_REASONS = 20


class Answers:
    """A view of the reading API: GET, HEAD and OPTIONS, a strong ETag, and no unknown parameter.

    The ETag is taken over the bytes of the body, so it needs no knowledge of what they say.
    A misspelt filter would otherwise answer with every row, and be believed.
    """

    http_method_names = ("get", "head", "options")

    def parameters(self) -> frozenset[str]:
        """Return the query parameters that this view reads."""
        return frozenset()

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if reasons := parameter_problems(request.query_params, self.parameters()):
            raise NotUnderstood(reasons)

    def finalize_response(self, request, response, *args, **kwargs):
        if response.status_code >= 400:
            # A problem is JSON, whatever was asked for.
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ("Authorization",))
        if response.status_code not in (200, 304):
            # A kept 404 would outlive the grant that ends it.
            response["Cache-Control"] = "no-store"
        elif "Cache-Control" not in response:
            response["Cache-Control"] = "private, no-cache"
            response.add_post_render_callback(
                lambda rendered: _marked(rendered, request.headers.get("If-None-Match", ""))
            )
        return response


def parameter_problems(given, known: frozenset[str]) -> list[Reason]:
    """Return what is wrong with query parameters before any of them is read."""
    reasons = []
    takes = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
    for name, values in given.lists():
        short = name[:100]
        if name not in known:
            code, sentence = "UNKNOWN", f"There is no parameter “{short}” here. {takes}"
        elif len(values) > 1:
            code = "TWICE"
            sentence = f"“{name}” is given twice. Give it once, with commas between values."
        elif not values[0].strip():
            code = "EMPTY"
            sentence = f"“{name}” is empty. Give it a value or leave it out."
        elif len(values[0]) > LONGEST:
            code = "TOO_LONG"
            sentence = f"“{name}” is longer than {LONGEST} characters. Shorten it."
        elif "\x00" in values[0]:
            code = "NOT_TEXT"
            sentence = f"“{name}” contains a null character. Take it out."
        else:
            continue
        reasons.append(Reason(f"PARAMETER_{code}", sentence, short))
    return reasons[:MOST_REASONS]


def is_held(tag: str, if_none_match: str) -> bool:
    """Whether the caller holds what `tag` marks: by weak comparison, as RFC 9110 has it here."""
    held = {one.removeprefix("W/") for one in parse_etags(if_none_match)}
    return tag.removeprefix("W/") in held or "*" in held


def _marked(response, if_none_match: str):
    """Give `response` its ETag, or answer 304 if the caller holds these very bytes."""
    tag = f'"{sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = tag
    if not is_held(tag, if_none_match):
        return response
    unchanged = HttpResponseNotModified()
    for name in ("ETag", "Cache-Control", "Vary"):
        unchanged[name] = response[name]
    return unchanged
