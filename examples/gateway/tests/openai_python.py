"""openai-python through the gateway, while providers break.

    python examples/gateway/tests/openai_python.py GATEWAY PROVIDER

GATEWAY and PROVIDER are the examples of those names, built, and the package `openai` is there: `.ci/run` has a step that
brings it all. Every scenario of the drill that a gateway can meet, streamed and plain, in every mode: the SDK gets its normal
objects or raises its normal exceptions, in time, and never takes a broken answer for a whole one. Its own retries are off.
"""

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

MODES = ["first-content", "complete", "continue"]
TOKENS = 60
SENT = 40
# Longer than the gateway may take in any case: who runs into it has hung.
HANGS = 20

GATEWAY, PROVIDER = sys.argv[1:3]
HTTP = openai.DefaultHttpxClient(limits=openai.DEFAULT_CONNECTION_LIMITS)


def is_whole(prompt, text):
    """Whether a text is a provider's whole answer to a prompt; see `is_whole` of tower-ai-drill."""
    words = " ".join(f"{index}/{TOKENS}" for index in range(1, TOKENS + 1))
    return text == f"{greeting(prompt)} {words}"


def greeting(prompt):
    digest = 0xCBF29CE484222325
    for byte in prompt.encode():
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return f"re {digest >> 32:08x}:"


@dataclass
class Got:
    """What the SDK gave to its caller."""

    text: str = ""
    model: str | None = None
    usage: object = None
    finish: str | None = None
    error: openai.APIError | None = None
    seconds: float = 0.0

    def answered(self):
        return self.error is None


@dataclass
class Case:
    """One scenario: what the preferred provider does, and what stands beside it."""

    name: str
    primary: str
    # The options of a second provider; None for a target alone.
    fallback: str | None
    # Takes (got, stream, mode) and says what is wrong, or nothing.
    judge: object
    # Takes the attempts that the two providers saw, and says whether those are few.
    attempts: object
    windows: tuple = (None, None)


# === what is to come of a call ===


def by(who):
    def judge(got, stream, mode):
        if not got.answered():
            return f"not answered: {got.error!r}"
        if not got.model.endswith(f"-{who}-1"):
            return f"answered by {got.model}"

    return judge


def anyone(got, stream, mode):
    return None if got.answered() else f"not answered: {got.error!r}"


def refused(kind, code=None):
    def judge(got, stream, mode):
        if type(got.error) is not kind:
            return f"{got.error!r} in place of {kind.__name__}"
        if code and got.error.code != code:
            return f"the code {got.error.code} in place of {code}"

    return judge


def unavailable(got, stream, mode):
    wrong = refused(openai.InternalServerError, "no_target_answered")(got, stream, mode)
    if not wrong and int(got.error.response.headers["retry-after"]) < 1:
        return "no time to try again"
    return wrong


def broken(got, stream, mode):
    """Past the commit point: an error within the stream, behind words, or the other target goes on. Before it: the other."""
    if not stream or mode == "complete":
        return by("f")(got, stream, mode)
    if mode == "continue":
        # One answer, by the first target's name.
        return by("p")(got, stream, mode)
    if got.answered():
        return "a broken stream was taken for a good one"
    if type(got.error) is not openai.APIError or not got.text:
        return f"{got.error!r} after {len(got.text)} characters"


def broken_alone(got, stream, mode):
    """The same with nowhere else to go: one retry may answer where nothing is out yet."""
    if not stream or mode == "complete" or (mode == "continue" and got.answered()):
        return anyone(got, stream, mode)
    return broken(got, stream, "first-content")


def never_about_prefill(got, stream, mode):
    if got.error is not None and "prefill" in str(got.error):
        return "the fallback's refusal in place of the first error"
    return broken(got, stream, mode)


def at_most(primary, fallback=4):
    return lambda p, f: p <= primary and f <= fallback


WELL = ""
CASES = [
    Case("s01", "429:2*1", WELL, anyone, at_most(2)),
    Case("s01alone", "429:2*1", None, by("p"), at_most(2)),
    Case("s02", "429", WELL, by("f"), at_most(4, 1)),
    Case("s02alone", "429", None, refused(openai.RateLimitError, "rate_limit_exceeded"), at_most(4)),
    Case("s03", "500*1", WELL, by("p"), at_most(2, 0)),
    Case("s04", "overload", WELL, by("f"), at_most(3, 1)),
    Case("s04alone", "overload", None, refused(openai.InternalServerError, "server_is_overloaded"), at_most(4)),
    Case("s05", "reset*1", WELL, anyone, at_most(2, 1)),
    Case("s05alone", "reset*1", None, by("p"), at_most(2)),
    Case("s06", "stall", WELL, by("f"), at_most(1, 1)),
    Case("s06alone", "stall", None, unavailable, at_most(1)),
    Case("s07", "late:20", WELL, by("f"), at_most(1, 1)),
    Case("s07alone", "late:20", None, unavailable, at_most(1)),
    Case("s08", f"cut:{SENT}", WELL, broken, at_most(2, 1)),
    Case("s08alone", f"cut:{SENT}*1", None, broken_alone, at_most(2)),
    Case("s08clean", f"cut-clean:{SENT}", WELL, broken, at_most(2, 1)),
    Case("s08rst", f"cut-rst:{SENT}", WELL, broken, at_most(2, 1)),
    Case("s09", f"stall:{SENT}", WELL, broken, at_most(2, 1)),
    Case("s10", f"garble:{SENT}", WELL, broken, at_most(2, 1)),
    Case("s11", "no-done", None, by("p"), at_most(1)),
    Case("s12", None, WELL, by("f"), at_most(1, 1), windows=(3, 100_000)),
    Case("s12alone", "context", None, refused(openai.BadRequestError, "context_length_exceeded"), at_most(1)),
    Case("s13", "policy", WELL, refused(openai.BadRequestError, "content_policy_violation"), at_most(1, 0)),
    Case("s14", f"cut-clean:{SENT}", "prefill=no", never_about_prefill, at_most(2, 2)),
    Case("s16", "503", WELL, by("f"), at_most(3, 1)),
    Case("o1", "401", WELL, by("f"), at_most(1, 1)),
    Case("o1alone", "401", None, refused(openai.AuthenticationError, "invalid_api_key"), at_most(1)),
    Case("o2", "pings", WELL, by("f"), at_most(1, 1)),
    Case("error0", "error:0*1", WELL, anyone, at_most(2, 1)),
    Case("html", "502", None, refused(openai.InternalServerError), at_most(4)),
    Case("quota", "quota", None, refused(openai.RateLimitError, "insufficient_quota"), at_most(1)),
    Case("model", "model", None, refused(openai.NotFoundError, "model_not_found"), at_most(1)),
]


def error_told(got, stream, mode):
    """The provider's own error event passes as it came, unless another target goes on."""
    if not stream or mode != "first-content":
        return anyone(got, stream, mode)
    return refused(openai.APIError, "server_error")(got, stream, mode)


CASES.append(Case("error40", f"error:{SENT}*1", WELL, error_told, at_most(2, 1)))


# === how a run goes ===


@dataclass
class Run:
    case: Case
    stream: bool
    mode: str
    wrong: list = field(default_factory=list)

    @property
    def id(self):
        return f"{self.case.name}.{'stream' if self.stream else 'plain'}.{self.mode}"

    def providers(self):
        """The command lines of its fake providers."""
        pace = f"pace=20/5/{TOKENS}"
        script = f",script={self.case.primary}" if self.case.primary else ""
        window = f",window={self.case.windows[0]}" if self.case.windows[0] else ""
        yield f"{self.id}-p,{pace}{script}{window}"
        if self.case.fallback is not None:
            yield ",".join(filter(None, [f"{self.id}-f", pace, self.case.fallback]))

    def targets(self, urls):
        for who, window in zip("pf", self.case.windows):
            if url := urls.get(f"{self.id}-{who}"):
                yield f"{url},model=m" + (f",context={window}" if window else "")

    def go(self, urls):
        try:
            with Gateway(self.targets(urls), "--mode", self.mode) as gateway:
                prompt = f"{self.id} how are you"
                self.judge(prompt, ask(gateway.client(), prompt, self.stream))
        except Exception as error:  # Whatever the SDK raises that is no APIError is a finding.
            self.wrong.append(f"{type(error).__name__}: {error}")

    def judge(self, prompt, got):
        self.wrong += filter(None, [self.case.judge(got, self.stream, self.mode), unsound(prompt, got)])


def unsound(prompt, got):
    """What may never be, whatever happens."""
    if isinstance(got.error, openai.APITimeoutError) or got.seconds > HANGS:
        return f"hung for {got.seconds:.1f} s"
    if got.answered():
        if not is_whole(prompt, got.text):
            return f"not whole: {got.text!r}"
        if got.finish != "stop" or got.usage is None or got.usage.completion_tokens != TOKENS:
            return f"no good end: {got.finish} {got.usage}"
    elif isinstance(got.error, openai.APIConnectionError):
        return f"the connection broke: {got.error!r} {got.error.__cause__!r}"
    elif not (got.text == "" or got.text.startswith(greeting(prompt))):
        return f"garbled: {got.text!r}"


def ask(client, prompt, stream):
    got, start = Got(), time.monotonic()
    question = {"model": "any", "messages": [{"role": "user", "content": prompt}]}
    try:
        if stream:
            chunks = client.chat.completions.create(
                **question, stream=True, stream_options={"include_usage": True}
            )
            for chunk in chunks:
                take(got, chunk)
        else:
            whole(got, client.chat.completions.create(**question))
    except openai.APIError as error:
        got.error = error
    got.seconds = time.monotonic() - start
    return got


def take(got, chunk):
    assert type(chunk) is ChatCompletionChunk, type(chunk)
    got.model = chunk.model
    got.usage = chunk.usage or got.usage
    for choice in chunk.choices:
        got.text += choice.delta.content or ""
        got.finish = choice.finish_reason or got.finish


def whole(got, answer):
    assert type(answer) is ChatCompletion, type(answer)
    got.text, got.model = answer.choices[0].message.content, answer.model
    got.usage, got.finish = answer.usage, answer.choices[0].finish_reason


class Gateway:
    def __init__(self, targets, *flags):
        times = ["--first-content-timeout", "1s", "--stall-timeout", "1s", "--request-timeout", "6s"]
        flags = ["--listen", "127.0.0.1:0", *times, *flags]
        for target in targets:
            flags += ["--target", target]
        self.process = subprocess.Popen([GATEWAY, *flags], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def client(self, kind=openai.OpenAI, **more):
        if kind is openai.OpenAI:
            more["http_client"] = HTTP
        return kind(base_url=f"{self.url}/v1", api_key="any", max_retries=0, timeout=HANGS, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Providers:
    """All fake providers, in one process."""

    def __init__(self, lines):
        self.process = subprocess.Popen([PROVIDER, *lines], stdout=subprocess.PIPE, text=True)
        self.urls, self.attempts = {}, {}
        for _ in lines:
            name, url, _ = self.process.stdout.readline().split()
            self.urls[name] = url
        threading.Thread(target=self.count, daemon=True).start()

    def count(self):
        for line in self.process.stdout:
            name = line.split(" ", 1)[0].strip()
            self.attempts[name] = self.attempts.get(name, 0) + 1

    def seen(self, run, who):
        return self.attempts.get(f"{run.id}-{who}", 0)


# === what is no single call ===


def s15(urls):
    """Down for a while, then well: served by the fallback, few probes, and back on the primary by itself."""
    with Gateway([f"{urls[name]},model=m" for name in ("s15-p", "s15-f")]) as gateway:
        client, start, served = gateway.client(), time.monotonic(), []
        while time.monotonic() - start < 15 + 30:
            got = ask(client, f"s15 {len(served)}", stream=len(served) % 2 == 0)
            assert got.answered(), got.error
            assert is_whole(f"s15 {len(served)}", got.text), got.text
            served.append(got.model)
            if time.monotonic() - start > 16 and served[-3:] == ["s15-p-1"] * 3:
                return
            time.sleep(0.4)
    raise AssertionError(f"not back on the primary: {served[-9:]}")


def ctrl_c(urls):
    """A gateway that is told to stop lets a stream end, and ends itself."""
    with Gateway([urls["slow"]]) as gateway:
        prompt, got = "ctrl c", Got()
        question = {"model": "any", "messages": [{"role": "user", "content": prompt}]}
        for index, chunk in enumerate(gateway.client().chat.completions.create(**question, stream=True)):
            take(got, chunk)
            if index == 3:
                gateway.process.send_signal(signal.SIGINT)
        assert is_whole(prompt, got.text), got.text
        assert gateway.process.wait(10) == 0


def awaited(urls):
    """The asynchronous client, in a stream that breaks and in one that does not; and another path."""

    async def run(client):
        question = {"model": "any", "stream": True}
        for name, model in (("well", "m"), ("broken", f"fault:cut:{SENT}")):
            got = Got()
            message = [{"role": "user", "content": name}]
            try:
                async for chunk in await client.chat.completions.create(
                    **(question | {"model": model}), messages=message
                ):
                    take(got, chunk)
                assert name == "well" and is_whole(name, got.text), (name, got.text)
            except openai.APIError as error:
                assert name == "broken" and type(error) is openai.APIError and got.text, error
        try:
            await client.models.list()
            raise AssertionError("fake providers know no models")
        except openai.NotFoundError as error:
            assert error.code == "unknown_url", error.code

    with Gateway([urls["slow"]]) as gateway:
        asyncio.run(run(gateway.client(openai.AsyncOpenAI)))


def main():
    start = time.monotonic()
    runs = [Run(case, stream, mode) for case in CASES for mode in MODES for stream in (False, True)]
    pace = f"pace=20/5/{TOKENS}"
    lines = [f"s15-p,{pace},script=refuse@0-15", f"s15-f,{pace}", f"slow,pace=50/20/{TOKENS}"]
    lines += [line for run in runs for line in run.providers()]
    providers = Providers(lines)
    found = []

    def alone(test):
        try:
            test(providers.urls)
        except Exception as error:
            found.append(f"{test.__name__}: {type(error).__name__}: {error}")

    try:
        with ThreadPoolExecutor(12) as pool:
            for test in (s15, ctrl_c, awaited):
                pool.submit(alone, test)
            for run in runs:
                pool.submit(run.go, providers.urls)
        time.sleep(0.5)
        for run in runs:
            found += [f"{run.id}: {wrong}" for wrong in run.wrong]
            seen = providers.seen(run, "p"), providers.seen(run, "f")
            if not run.case.attempts(*seen):
                found.append(f"{run.id}: {seen[0]} attempts at the first target, {seen[1]} at the other")
        if providers.attempts.get("s15-p", 0) > 20:
            found.append(f"s15: {providers.attempts['s15-p']} attempts at the primary")
    finally:
        providers.process.kill()
    print(*found, sep="\n", end="\n" if found else "")
    took = time.monotonic() - start
    print(f"openai {openai.__version__}: {len(runs) + 3} runs, {len(found)} findings, {took:.0f} s")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
