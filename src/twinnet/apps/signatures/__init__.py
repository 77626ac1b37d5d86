"""Is this his signature? Train on writers and forgeries, decide from one to five references, measure how often it errs.

`learn` makes a model, `verify` answers, `judge` measures it on unseen writers, `clean` shows what the network sees.
Not a proof of authorship: docs/signatures.md says what it is not.
"""

from twinnet.apps.signatures.clean import clean
from twinnet.apps.signatures.judge import judge
from twinnet.apps.signatures.layout import Signatures, signatures
from twinnet.apps.signatures.learn import CONFIG, learn
from twinnet.apps.signatures.rules import Rules, rules_of
from twinnet.apps.signatures.verify import Answer, verify

__all__ = ["CONFIG", "Answer", "Rules", "Signatures", "clean", "judge", "learn", "rules_of", "signatures", "verify"]
