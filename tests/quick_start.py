"""What no notebook needs is not loaded, in each of the processes that run the tests.

To check notebooks nbformat loads jsonschema, and that would build a parser of web addresses in all alphabets: three
seconds, for a format that the notebooks' schema does not have. Without the package jsonschema does without.
"""

import sys

sys.modules["rfc3987_syntax"] = None
