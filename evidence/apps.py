from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "evidence"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import consequences, verifiers
        from audit.admin import buttons, panels
        from evidence import impact, verifying
        from evidence.exports import pages as exports
        from evidence.open_runs import keep_open_runs
        from evidence.panels import evidence_of, give_button, history_button, scores_of
        from evidence.searching import searched
        from registry.impact.views import add
        from registry.search import sources

        add(impact.KIND)
        consequences.append(keep_open_runs)
        verifiers.append(verifying.verify)
        sources.append(searched)
        for noun in ("registry.release", "registry.modelversion"):
            panels.setdefault(noun, []).extend([evidence_of, scores_of])
            buttons.setdefault(noun, []).extend([give_button, exports.button])
        panels.setdefault("registry.registeredmodel", []).append(scores_of)
        buttons.setdefault("registry.registeredmodel", []).append(history_button)
