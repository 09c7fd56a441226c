"""What vLLM and llama.cpp's server answer for a model that is here, body by body.

vLLM: `vllm/entrypoints/openai/completion/protocol.py` and `serving.py`, as of 0.33. llama.cpp: what
its server answered in November 2026 (xllamacpp 2026.10.11549).
"""

import re

import torch


class Standin:
    """A reply for `stubs.Stub`: a network and a tokenizer behind two servers' interfaces."""

    def __init__(self, network, tokenizer):
        self.network, self.tokenizer = network, tokenizer

    def ids(self, text, around=True):
        options = {"add_special_tokens": around, "split_special_tokens": True}
        return self.tokenizer(text, **options)["input_ids"]

    def read(self, prompt):
        ids = self.ids(prompt) if isinstance(prompt, str) else prompt
        with torch.inference_mode():
            return ids, self.network(torch.tensor([ids])).logits[0].float().log_softmax(-1)

    def line(self, ids, body):
        """Greedy tokens, up to `max_tokens`, the end or a line break."""
        made, stops, reason = [], body.get("stop") or [], "length"
        while len(made) < body["max_tokens"]:
            _, values = self.read([*ids, *made])
            made.append(int(values[-1].argmax()))
            text = self.tokenizer.decode(made, skip_special_tokens=True)
            if made[-1] == self.tokenizer.eos_token_id or any(stop in text for stop in stops):
                reason = "stop"
                break
        text = self.tokenizer.decode(made, skip_special_tokens=True)
        for stop in stops:
            text = text.partition(stop)[0]
        return made, text, reason

    def answered(self, ids, body, **choice):
        made, text, reason = self.line(ids, body)
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason} | choice
        used = {"prompt_tokens": len(ids), "completion_tokens": len(made)}
        used["total_tokens"] = sum(used.values())
        return {"object": "text_completion", "model": "tiny", "choices": [choice], "usage": used}


class VLLM(Standin):
    """vLLM's body: `echo`, `prompt_logprobs`, `/tokenize` with its own fields."""

    def __call__(self, path, body):
        if path == "/tokenize":
            ids = self.ids(body["prompt"], body["add_special_tokens"])
            return 200, {"count": len(ids), "max_model_len": 512, "tokens": ids, "token_strs": None}
        if path == "/detokenize":
            return 200, {"prompt": self.tokenizer.decode(body["tokens"])}
        if path != "completions":
            return 404, {"error": {"message": "Not Found", "code": 404}}
        ids, values = self.read(body["prompt"])
        told = {"logprobs": None, "prompt_logprobs": None, "stop_reason": None, "token_ids": None}
        if body.get("prompt_logprobs") is not None:
            told["prompt_logprobs"] = [None, *self.ranked(ids, values)]
        if body.get("logprobs") is not None:
            made, _, _ = self.line(ids, body)
            shown = [*ids, *made[:1]] if body.get("echo") else made[:1]
            told["logprobs"] = self.legacy(shown, values, body)
        return 200, self.answered(ids, body, **told)

    def ranked(self, ids, values):
        for token, row in zip(ids[1:], values, strict=False):
            best = int(row.argmax())
            yield {
                str(each): {
                    "logprob": float(row[each]),
                    "rank": int((row > row[each]).sum()) + 1,
                    "decoded_token": self.tokenizer.decode([each]),
                }
                for each in dict.fromkeys((token, best))
            }

    def legacy(self, shown, values, body):
        """OpenAI's first form: all that is shown, and the first token without a value."""
        as_ids = body.get("return_tokens_as_token_ids")
        names = [f"token_id:{t}" if as_ids else self.tokenizer.decode([t]) for t in shown]
        rows = [None, *values] if len(shown) > 1 else [values[-1]]
        own = [None if row is None else float(row[t]) for t, row in zip(shown, rows, strict=True)]
        best = [
            None
            if row is None
            else {f"token_id:{int(row.argmax())}": float(row.max()), name: value}
            for name, row, value in zip(names, rows, own, strict=True)
        ]
        offsets = [sum(map(len, names[:i])) for i in range(len(names))]
        return {
            "text_offset": offsets,
            "token_logprobs": own,
            "tokens": names,
            "top_logprobs": best,
        }


class LlamaCpp(Standin):
    """llama.cpp's body: `echo` is taken and not heard, token ids may stand in a grammar."""

    def __call__(self, path, body):
        if path == "/tokenize":
            return 200, {"tokens": self.ids(body["content"], body["add_special"])}
        if path == "/detokenize":
            return 200, {"content": self.tokenizer.decode(body["tokens"])}
        ids, values = self.read(body["prompt"])
        made, _, _ = self.line(ids, body)
        forced = [int(each) for each in re.findall(r"<\[(\d+)\]>", body.get("grammar", ""))]
        content = []
        for token in (forced or made)[: body["max_tokens"]]:
            told = {"id": token, "logprob": float(values[-1][token])}
            content.append(told | {"token": "", "bytes": [], "top_logprobs": [told]})
            ids, values = self.read([*ids, token])
        told = {"content": content} if "logprobs" in body else None
        return 200, self.answered(ids, body, logprobs=told) | {"usage": {}}
