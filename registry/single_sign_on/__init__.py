"""Sign-in at an identity provider by OpenID Connect; imported only where one is configured.

django-allauth speaks the protocol (`adapter`). Who somebody is here (`people`), and what their
coming back leads to (`views`), is ours: none of allauth's pages has an address.
"""
