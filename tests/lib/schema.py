"""As much of JSON Schema (draft 2020-12) as doc/packets.schema.json uses; a keyword that is not known here is an error."""
import re

TYPES = {"object": lambda v: isinstance(v, dict), "string": lambda v: isinstance(v, str), "array": lambda v: isinstance(v, list),
         "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
         "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)}
NOTES = {"$schema", "$id", "$defs", "title", "description", "examples", "then", "else"}


def same(a, b):
    """As JSON: true is not 1."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


class Schema:
    def __init__(self, root):
        self.root = root
        self.looked_at = set()

    def problem(self, value, schema=None, at="packet"):
        """The first one, in words; None: it is valid."""
        schema = self.root if schema is None else schema
        for word, wanted in schema.items():
            if word not in NOTES and (found := getattr(self, "_" + word.replace("$", "at_"))(value, wanted, schema, at)):
                return found
        return None

    def fits(self, value, schema):
        return self.problem(value, schema) is None

    def _at_ref(self, value, wanted, schema, at):
        name = re.fullmatch(r"#/\$defs/(\w+)", wanted)[1]
        self.looked_at.add(name)
        return self.problem(value, self.root["$defs"][name], at)

    def _type(self, value, wanted, schema, at):
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return None if any(TYPES[k](value) for k in kinds) else f"{at} is no {wanted}: {value!r}"

    def _enum(self, value, wanted, schema, at):
        return None if any(same(value, w) for w in wanted) else f"{at} is none of {wanted}: {value!r}"

    def _const(self, value, wanted, schema, at):
        return self._enum(value, [wanted], schema, at)

    def _pattern(self, value, wanted, schema, at):
        return f"{at} is not {wanted}: {value!r}" if isinstance(value, str) and not re.search(wanted, value) else None

    def _minLength(self, value, wanted, schema, at):
        return f"{at} is too short" if isinstance(value, str) and len(value) < wanted else None

    def _maxLength(self, value, wanted, schema, at):
        return f"{at} is too long" if isinstance(value, str) and len(value) > wanted else None

    def _minimum(self, value, wanted, schema, at):
        return f"{at} is under {wanted}" if TYPES["number"](value) and value < wanted else None

    def _maximum(self, value, wanted, schema, at):
        return f"{at} is over {wanted}" if TYPES["number"](value) and value > wanted else None

    def _required(self, value, wanted, schema, at):
        missing = [k for k in wanted if isinstance(value, dict) and k not in value]
        return f"{at} has no {missing}" if missing else None

    def _properties(self, value, wanted, schema, at):
        if not isinstance(value, dict):
            return None
        return next(filter(None, (self.problem(value[k], s, f"{at}.{k}") for k, s in wanted.items() if k in value)), None)

    def _allOf(self, value, wanted, schema, at):
        return next(filter(None, (self.problem(value, s, at) for s in wanted)), None)

    def _anyOf(self, value, wanted, schema, at):
        problems = [self.problem(value, s, at) for s in wanted]
        return None if None in problems else " and ".join(problems)

    def _oneOf(self, value, wanted, schema, at):
        problems = [self.problem(value, s, at) for s in wanted]
        return None if problems.count(None) == 1 else f"{problems.count(None)} of: {' / '.join(filter(None, problems))}"

    def _if(self, value, wanted, schema, at):
        return self.problem(value, schema.get("then" if self.fits(value, wanted) else "else", {}), at)
