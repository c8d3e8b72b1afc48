"""What the agent says, by occasion. Several wordings each, so that no single one marks a policy."""

from __future__ import annotations

THOUGHTS: dict[str, list[str]] = {
    "look": [
        "Let me start by looking at how the repository is laid out.",
        "I'll first get an overview of the project structure.",
        "First things first: what is in this repository?",
        "Let me explore the code base to see where {word} lives.",
    ],
    "search": [
        "The issue mentions behaviour around `{word}`. Let me find where it is defined and used.",
        "Let me grep for `{word}`.",
        "I want to see every place that uses `{word}` before touching anything.",
        "I'll search for `{word}` to locate the relevant code.",
    ],
    "open": [
        "Now let me read {path}.",
        "{path} looks like the relevant file. Opening it.",
        "Let me look at {path} in full to understand the logic.",
        "I need to see the implementation in {path}.",
    ],
    "open_tests": [
        "Let me check what the existing tests expect.",
        "The tests should tell me about the intended behaviour.",
        "Before changing anything, which cases do the tests already cover?",
    ],
    "both": [
        "I'll read the implementation and its test side by side.",
        "Let me look at {path} and at the tests at the same time.",
        "Two things to check at once: the module itself and who relies on it.",
    ],
    "reproduce": [
        "Let me write a small script that reproduces the issue.",
        "Before fixing it, I'll reproduce the problem with a short script.",
        "I'll turn the report into reproduce.py, so that I can tell whether a change helps.",
    ],
    "run": ["Now run it.", "Let me run the reproduction script.", "Let's see whether it shows the reported behaviour."],
    "confirmed": [
        "Reproduced: {error}. The cause must be in `{word}`.",
        "That confirms the report ({error}).",
        "Good, the script fails as described: {error}.",
    ],
    "regression": [
        "I'll add a regression test, which should fail for now.",
        "Let me write a test for this first; it has to be red before the fix and green after it.",
    ],
    "cause": [
        (
            "I see the problem. In {path} the condition around `{word}` does not cover the reported "
            "case. I'll fix it there."
        ),
        "The bug is in {path}: `{word}` is handled wrongly. The minimal change is the following.",
        "Found it. The line in {path} contradicts the docstring, so the docstring tells what is right.",
        "So the root cause is in {path}. Let me correct it.",
    ],
    "guess": [
        "This is probably just a problem in {path}. Let me change it and see.",
        "I think the problem might be in {path}. I'm not completely sure, but this should help.",
        "Perhaps this line in {path} is to blame. I'll try a quick change.",
        "Looks simple enough. The fix goes into {path}.",
    ],
    "second": [
        "There is a second place that has to change for this to hold: {path}.",
        "The issue has two parts. Now for the other one, in {path}.",
        "That alone is not enough; {path} needs a change, too.",
    ],
    "test": [
        "Let me run the test suite.",
        "Now the whole test suite, to be sure that nothing else broke.",
        "Run the tests.",
        "Checking for regressions.",
    ],
    "again": [
        "And the reproduction script again.",
        "Does the script pass now?",
        "Let me verify the fix with the script.",
    ],
    "green": [
        "All tests pass and the script prints what the issue expects. Let me look at the final diff.",
        "Everything is green. A last look at the diff.",
        "That works. I'll review my change once more.",
    ],
    "red": [
        "Hmm, that did not work: {error}. Let me take another look.",
        "Still failing: {error}. My assumption was wrong.",
        "That is not what I expected ({error}). Something else must be going on here.",
        "Oh no, now it says {error}. I must have misread the code.",
    ],
    "doubt": [
        "It passes now, but this feels like treating the symptom. Let me see what I have changed.",
        "Green, and yet I'm not sure that this is the right place. Looking at my diff.",
        "Hmm, wait. This hides the problem rather than fixing it.",
    ],
    "undo": [
        "I'll revert this and think again.",
        "That was the wrong place, sorry. Undoing my change.",
        "Let me go back to a clean state first.",
    ],
    "retry": [
        "Second attempt. Maybe the change belongs into {path}.",
        "Let me try a different approach, in {path} this time.",
        "Looking at it again, I believe that {path} is where it goes wrong.",
    ],
    "cleanup": [
        "Removing the scratch file.",
        "The script has done its work, so I delete it.",
        "Clean up before I hand in.",
    ],
    "submit": [
        "The fix is complete. Submitting.",
        "I'm done: the reported case is handled and the change is small.",
        "This resolves the issue. Submitting the change.",
        "I consider the task finished.",
    ],
    "submit_unsure": [
        "I could not verify everything, but I think this should address the issue. Submitting.",
        "I'm not sure that this covers all cases, but it seems to be an improvement. I'll hand it in.",
        "This is probably good enough.",
    ],
    "give_up": [
        "I was not able to find the cause. I'll submit what I have, sorry.",
        "Unfortunately I'm running out of ideas. Submitting the current state.",
        "I apologize, I could not resolve this one.",
    ],
    "empty": [
        "Nothing. Maybe it goes by another name, `{word}` perhaps?",
        "No results. Let me try `{word}`.",
        "Hmm, no match. I wonder whether it is called `{word}`.",
        "Still nothing. I'm not sure what to look for. `{word}`?",
    ],
    "wander": [
        "Maybe {path} has something to do with it.",
        "I'm not sure where to look. Let me check {path}.",
        "Let me also read {path}, just in case.",
        "Not there either. What about {path}?",
    ],
    "stuck": [
        "Let me try that again.",
        "I apologize for the confusion, this should work. Trying once more.",
        "Strange. The same command should succeed now.",
        "It failed with the same message. Let me run it again, to be sure.",
        "Sorry about that. I'll retry the same edit.",
        "Hmm, wait. Perhaps it was a temporary problem.",
        "I don't understand why this does not work. Again.",
    ],
    "syntax": [
        "I broke the file: {error}. Let me repair my edit.",
        "Oops, my edit left a syntax error ({error}). Fixing that first.",
        "That is my own mistake, {error}. Correcting it.",
    ],
    "missing": [
        "That is not available here. I'll use what there is.",
        "OK, it isn't installed. Going on without it.",
        "Not found, so the other way then.",
    ],
    "slip": [
        "Let me check the tool chain first.",
        "Quick sanity check of the environment.",
        "Starting with the obvious command.",
    ],
    "slow": [
        "The script does not seem to end. I'll put a time limit on it.",
        "To be safe I run it under `timeout`.",
    ],
    "note": [
        "The report says what is expected; the code in {path} does not do that at `{word}`. No test covers it.",
        "To sum up what I know: the public function delegates to {path}, and `{word}` decides. No test looks at it.",
    ],
}
