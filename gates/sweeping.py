"""What the gates throw away, and the jobs they give to `tick`."""

from datetime import timedelta

from audit import clock
from audit.ticking import Tick
from gates.models import Challenge, Delivery
from gates.notices.finding import find_changed_packages, find_endings
from gates.notices.sending import send_all
from gates.notices.telling import tell_all
from gates.transitions.helping import close_met

#: How long a delivery can be read.
KEPT_FOR = timedelta(days=90)


def sweep() -> str:
    """Throw away challenges that nobody answered in time, and deliveries long done."""
    now = clock.now()
    challenges, _ = Challenge.objects.filter(sign_off=None, expires_at__lt=now).delete()
    # Also what still waits: for a webhook that nobody switched on again.
    done = Delivery.objects.filter(created_at__lt=now - KEPT_FOR)
    deliveries, _ = done.delete()
    return f"{challenges} challenges, {deliveries} deliveries"


JOBS = (
    Tick("close what is mended", close_met, only_after_changes=True),
    Tick("find changed packages", find_changed_packages, only_after_changes=True),
    # Each approval is judged in full, so not every minute; `decision/` needs nobody to look.
    Tick("find ends", find_endings, every=timedelta(minutes=15)),
    Tick("tell", tell_all),
    Tick("send", send_all),
    Tick("sweep gates", sweep, every=timedelta(hours=1)),
)
