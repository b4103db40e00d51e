"""Ending at once: a risk owner revokes an approval."""

from audit import Conflict, Reason, change
from gates.models import Promotion, Revocation
from gates.rules.emergencies import INCIDENT
from gates.transitions.locking import lock_promotion
from registry.models import Person
from registry.rights import demand
from registry.showing import Shown, show_again


def revoke(
    pk: int, *, password: Shown | str, actor: Person, reason: str, incident: str = ""
) -> Revocation:
    """End an approval, at once and for good; any one risk owner may, whoever asked or signed.

    `incident` names what it is done for, if anything. Raises `Refused` for a wrong password,
    `NotAllowed` without the role, and `Conflict` for what is no approval or is revoked already.
    """
    # A password hash takes a quarter of a second: checked before the database is locked.
    shown = show_again(actor, password)
    with change(actor=actor, reason=reason) as opened:
        person, promotion = lock_promotion(opened, pk, actor)
        demand(person, "revoke", promotion.release)
        if promotion.state != Promotion.State.APPROVED:
            sentence = f"The promotion is {promotion.get_state_display()}; there is no approval."
            raise Conflict(Reason("NOT_APPROVED", sentence))
        if Revocation.objects.filter(promotion=promotion).exists():
            raise Conflict(Reason("REVOKED", "The approval is revoked already."))
        opened.told[INCIDENT] = incident
        return opened.save(
            Revocation(
                promotion=promotion,
                revoked_by=person,
                revoked_at=opened.now,
                reason=opened.reason,
                printed_name=person.name,
                authentication=shown.code,
            ),
            event="promotion.revoked",
            facts={"package": promotion.decided_package.digest}
            | ({"incident": incident.strip()} if incident.strip() else {})
            | shown.told,
        )
