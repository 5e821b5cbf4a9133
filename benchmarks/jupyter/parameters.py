"""papermill with TypeScript: parameters.py IN OUT -p NAME VALUE ... (papermill's own arguments).

The cell tagged "parameters" declares them with `let`; papermill's cell after it assigns.
"""

import json
import re

from papermill.__main__ import papermill
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators


class TypeScript(Translator):
    @classmethod
    def translate_none(cls, value):
        return "undefined"

    @classmethod
    def translate_bool(cls, value):
        return "true" if value else "false"

    @classmethod
    def translate_float(cls, value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(value), str(value))

    @classmethod
    def translate_escaped_str(cls, value):
        return json.dumps(str(value))

    @classmethod
    def translate_str(cls, value):
        return cls.translate_escaped_str(value)

    @classmethod
    def translate_list(cls, value):
        return f"[{', '.join(cls.translate(item) for item in value)}]"

    @classmethod
    def translate_dict(cls, value):
        return "{ " + ", ".join(f"{json.dumps(str(k))}: {cls.translate(v)}" for k, v in value.items()) + " }"

    @classmethod
    def comment(cls, text):
        return f"// {text}".strip()

    @classmethod
    def assign(cls, name, text):
        return f"{name} = {text};"

    @classmethod
    def inspect(cls, parameters_cell):
        declared = re.findall(r"^let (\w+)[^=]*= (.*);", parameters_cell["source"], re.MULTILINE)
        return [Parameter(name, "None", default, "") for name, default in declared]


papermill_translators.register("typescript", TypeScript)

if __name__ == "__main__":
    papermill()
