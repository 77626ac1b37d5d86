"""Is this his signature? Learn from writers and forgers, decide from one to five references, measure how often it errs.

`learn` makes a model, `load` reads it, `verify` answers, `judge` measures it on unseen writers, `clean` shows what is
looked at. Not a proof of authorship: docs/signatures.md says what it is not.
"""

from twinnet.apps.signatures.clean import clean
from twinnet.apps.signatures.judge import judge
from twinnet.apps.signatures.layout import Signatures, signatures
from twinnet.apps.signatures.learn import learn
from twinnet.apps.signatures.model import SignatureModel, load
from twinnet.apps.signatures.rules import Rules
from twinnet.apps.signatures.verify import Answer, verify

__all__ = ["Answer", "Rules", "SignatureModel", "Signatures", "clean", "judge", "learn", "load", "signatures", "verify"]
