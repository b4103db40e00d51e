"""The page of a model's scores over its versions: a chart a metric, and the same as a table."""

from django.contrib import admin
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from evidence import charts
from evidence.history import MOST_VERSIONS, Series, history
from registry.models import RegisteredModel

#: Thresholds that are drawn, the strictest; the words below name all.
MOST_LINES = 4


@require_safe
def page(request, slug):
    """Each suite's headline metrics over the versions of a model, beside what is demanded."""
    rows = RegisteredModel.objects.visible_to(request.user).select_related("team")
    model = get_object_or_404(rows, slug=slug)
    found = history(model, request.user)
    shown = [_shown(one) for one in found.series]
    context = {
        **admin.site.each_context(request),
        "title": f"Scores of {model.name} over its versions",
        "row": model,
        "opts": RegisteredModel._meta,
        "history": found,
        "series": shown,
        "missed": [one for one in shown if one["missed"]],
        "judged": sum(bool(one["series"].demands) for one in shown),
        "most_versions": MOST_VERSIONS,
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "evidence/history.html", context)


def _shown(series: Series) -> dict:
    """Return a series as the page shows it: in a sentence, drawn, and newest first as a table."""
    lines = [
        {
            "score": score,
            "version": score.version,
            "release": score.run.item.release,
            "compared": series.compared(place),
            "misses": series.misses(score),
        }
        for place, score in enumerate(series.scores)
    ]
    newest = lines[-1]
    thresholds = list(dict.fromkeys(float(row.threshold) for row in series.demands))[:MOST_LINES]
    bars = [
        charts.Bar(
            line["version"].version,
            float(line["score"].text),
            float(line["score"].stderr or 0),
            not line["misses"],
        )
        for line in lines
    ]
    unit = f" {series.unit}" if series.unit else ""
    told = f"{series.name} of {newest['version'].version} is {newest['score'].text}{unit}."
    if newest["misses"]:
        told += f" It misses {len(newest['misses'])} of {len(series.demands)} thresholds."
    elif series.demands:
        told += " It meets every threshold."
    return {
        "series": series,
        "anchor": f"series-{series.scores[-1].pk}",
        "finding": told,
        "missed": newest["misses"],
        "chart": charts.draw(bars, thresholds),
        "lines": lines[::-1],
        "suite_versions": len({score.metric_id for score in series.scores}),
    }
