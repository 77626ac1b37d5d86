"""Words of invented programs: names, wording, comments; the first of each list is the most popular."""

HELPERS = {
    "i": ["i", "j", "k", "x", "a", "counter", "idx"], "n": ["n", "num", "count", "size", "total", "limit"],
    "sum": ["sum", "total", "result", "s", "acc", "hasil"], "best": ["max", "largest", "best", "top", "m", "big"],
    "in": ["input", "in", "sc", "scan", "scanner", "keyboard"], "ok": ["count", "passed", "hits", "ok", "c", "num"],
    "list": ["numbers", "arr", "values", "data", "list", "a"],
    "class": ["Main", "Task1", "Solution", "Program", "Exercise"],
}  # fmt: skip
THINGS = [
    "radius", "length", "area", "volume", "mark", "price", "weight", "height", "day", "hour", "speed", "distance",
    "balance", "rate", "amount", "minutes", "age", "score", "temperature", "width", "cost", "month", "salary", "bonus",
]  # fmt: skip
ASK = ["Enter the {}: ", "Enter {}: ", "Please enter the {}: ", "{}? ", "Input {} : ", "Type a {} > "]
TELL = ["The {} is ", "{}: ", "{} = ", "Your {} is ", "Result: ", "The value of {} : "]
NOTES = ["", "", "// {} {}", "/* {} {} */", "//{} {}", "// {} {}."]
VERBS = ["", "ask for", "compute", "read", "print", "now the", "get", "show", "next:", "find", "take", "the", "first"]
TAILS = ["", " here", " from the user", " value", " (see the sheet)", " below", " as double", " again", " of this step"]
HEADS = [
    "", "", "/*\n * To change this template, choose Tools | Templates\n * and open it in the editor.\n */",
    "// homework", "/**\n *\n * @author {}\n */", "/* Exercise of this week */", "/** My solution. */",
    "// by {} for the course", "/* {}, week 3\n   done in the lab */", "// program to solve the first question", "",
]  # fmt: skip
OPERATORS = ["*", "+", "-", "/"]
