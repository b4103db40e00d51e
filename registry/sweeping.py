"""What ran out and is thrown away: sessions, and counts of failed sign-ins."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings

from audit import clock
from audit.ticking import Tick
from registry import showing
from registry.models import FreshSignIn, Throttle
from registry.sign_in import KEPT_FOR


def sweep() -> str:
    """Throw away sessions that ended and counts of failures that nothing asks for any more."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    old = Throttle.objects.filter(first_at__lt=clock.now() - KEPT_FOR)
    count, _ = old.delete()
    FreshSignIn.objects.filter(made_at__lt=clock.now() - showing.KEPT_FOR).delete()
    return f"sessions that ended, {count} counts of failures"


SWEEP = Tick("sweep sign-ins", sweep, every=timedelta(hours=1))
