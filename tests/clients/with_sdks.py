"""The vendors' own SDKs, and programs whose code was read for the exact requests they send."""

import asyncio
import logging

import cohere
import litellm
import openai
import requests
import voyageai
from rerankers import Reranker

from checks import KEY, PLAIN, TITLED, URL, check, error_of, pairs_of

N = len(PLAIN.texts)
ALL = f"{N} indices and scores, in order"
TOP = "3 indices and scores, in order"
MODEL = PLAIN.student


def with_cohere():
    v1 = cohere.Client(KEY, base_url=URL)
    v2 = cohere.ClientV2(KEY, base_url=URL)
    ask = {"query": PLAIN.query, "documents": PLAIN.texts, "model": MODEL}
    check("cohere, v1", "cohere", "Client.rerank", lambda: pairs_of(v1.rerank(**ask).results), PLAIN.pairs(), ALL)
    check(
        "cohere, v1",
        "cohere",
        "Client.rerank(top_n=3, return_documents=True)",
        lambda: [(r.index, r.relevance_score, r.document.text) for r in v1.rerank(**ask, top_n=3, return_documents=True).results],
        [(index, score, PLAIN.texts[index]) for index, score in PLAIN.pairs(3)],
        "3 indices, scores and texts, in order",
    )
    check(
        "cohere, v1",
        "cohere",
        "Client.rerank(documents=[{title, text}])",
        lambda: pairs_of(v1.rerank(query=TITLED.query, documents=TITLED.documents, model=MODEL).results),
        TITLED.pairs(),
        ALL,
    )
    check("cohere, v2", "cohere", "ClientV2.rerank", lambda: pairs_of(v2.rerank(**ask).results), PLAIN.pairs(), ALL)
    check("cohere, v2", "cohere", "ClientV2.rerank(top_n=3)", lambda: pairs_of(v2.rerank(**ask, top_n=3).results), PLAIN.pairs(3), TOP)

    def spans():
        answer = v2.rerank(**ask, relevant_spans={"mode": "enabled", "threshold": 0.0, "max_spans": 1})
        return [(r.index, [(span.start, span.end) for span in r.relevant_spans or []]) for r in answer.results]

    check("cohere, v2", "cohere", "ClientV2.rerank(relevant_spans=...)", spans, PLAIN.spans(), f"the evidence of {N} documents as spans")

    async def asynchronous():
        async with cohere.AsyncClientV2(KEY, base_url=URL) as client:
            answers = await asyncio.gather(*[client.rerank(**ask) for _ in range(8)])
            return [pairs_of(answer.results) for answer in answers]

    check("cohere, v2", "cohere", "AsyncClientV2.rerank, 8 at once", lambda: asyncio.run(asynchronous()), [PLAIN.pairs()] * 8, f"8 times {ALL}")
    check(
        "cohere, v2",
        "cohere",
        "ClientV2.rerank with a wrong key",
        lambda: error_of(lambda: cohere.ClientV2("wrong", base_url=URL).rerank(**ask)),
        ("UnauthorizedError", True),
        "UnauthorizedError with a message",
    )
    check(
        "cohere, v2",
        "cohere",
        "ClientV2.rerank(documents=[])",
        lambda: error_of(lambda: v2.rerank(query="a", documents=[], model=MODEL)),
        ("BadRequestError", True),
        "BadRequestError with a message",
    )


def with_voyage():
    client = voyageai.Client(api_key=KEY, base_url=f"{URL}/v1")

    def rerank(top_k):
        answer = client.rerank(PLAIN.query, PLAIN.texts, model=MODEL, top_k=top_k)
        return [(r.index, r.relevance_score, r.document) for r in answer.results], answer.total_tokens > 0

    texts = lambda n: [(index, score, PLAIN.texts[index]) for index, score in PLAIN.pairs(n)]
    check("voyageai", "voyageai", "Client.rerank", lambda: rerank(None), (texts(None), True), f"{ALL}, texts, tokens counted")
    check("voyageai", "voyageai", "Client.rerank(top_k=3)", lambda: rerank(3), (texts(3), True), f"{TOP}, texts, tokens counted")


def with_rerankers():
    paths = {"cohere": "/v1/rerank", "jina": "/v1/rerank", "voyage": "/v1/rerank", "text-embeddings-inference": "/rerank"}
    for provider, path in paths.items():

        def rank():
            ranker = Reranker(MODEL, model_type="APIRanker", api_provider=provider, api_key=KEY, url=URL + path, verbose=0)
            ranked = ranker.rank(PLAIN.query, PLAIN.texts, doc_ids=list(range(N)))
            return [(result.doc_id, result.score) for result in ranked.results]

        expected = PLAIN.pairs()
        check("rerankers", "rerankers", f"Reranker(api_provider={provider!r}).rank", rank, expected, ALL)


def with_litellm():
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    # Two of litellm's providers send what others send too, and expect another answer: its `infinity` wants texts as plain
    # strings, so no texts are asked for; its `voyage` is known by the number of results only.
    needed = {"infinity": {"return_documents": False}, "voyage": {"top_n": N}}
    for provider in ["cohere", "infinity", "jina_ai", "hosted_vllm", "voyage", "huggingface", "litellm_proxy"]:

        def rerank(**more):
            answer = litellm.rerank(
                model=f"{provider}/{MODEL}",
                query=PLAIN.query,
                documents=PLAIN.texts,
                api_base=URL,
                api_key=KEY,
                **{**needed.get(provider, {}), **more},
            )
            return pairs_of(answer.results)

        words = "".join(f", {name}={value}" for name, value in needed.get(provider, {}).items())
        check("litellm", "litellm", f"rerank(model='{provider}/...'{words})", rerank, PLAIN.pairs(), ALL)
        words = "".join(f", {name}={value}" for name, value in {**needed.get(provider, {}), "top_n": 3}.items())
        check("litellm", "litellm", f"rerank(model='{provider}/...'{words})", lambda: rerank(top_n=3), PLAIN.pairs(3), TOP)


def with_openai():
    client = openai.OpenAI(api_key=KEY, base_url=f"{URL}/v1")
    check("openai", "openai", "models.list", lambda: [model.id for model in client.models.list()], [MODEL], "the student's name")
    check("openai", "openai", "models.retrieve", lambda: client.models.retrieve(MODEL).id, MODEL, "the student's name")


def with_requests():
    """Bodies that programs without an SDK send, in their own words."""
    headers = {"authorization": f"Bearer {KEY}"}

    def post(path, body):
        response = requests.post(URL + path, json=body, headers=headers, timeout=60)
        response.raise_for_status()
        return response.json()

    ask = {"query": PLAIN.query, "documents": PLAIN.texts}
    bodies = {
        "Open WebUI": ("/v1/rerank", {"model": MODEL, **ask, "top_n": N}),
        "RAGFlow (Jina)": ("/rerank", {"model": MODEL, **ask, "top_n": N}),
        "Xinference client": ("/v1/rerank", {"model": MODEL, **ask, "return_documents": "true", "return_len": "true", "top_n": None}),
        "vLLM client": ("/v2/rerank", {"model": MODEL, **ask, "top_n": 0, "truncate_prompt_tokens": -1, "user": "u"}),
    }
    for name, (path, body) in bodies.items():
        check(f"{name}, its body", "requests", f"POST {path}", lambda: pairs_of(post(path, body)["results"]), PLAIN.pairs(), ALL)

    # llama.cpp's scores are raw.
    logits = [(int(result["id"]), result["logit"]) for result in PLAIN.results]
    for path in ["/reranking", "/v1/reranking"]:
        found = lambda: pairs_of(post(path, ask)["results"])
        check("llama.cpp client, its body", "requests", f"POST {path}", found, logits, f"{N} indices and logits, in order")

    score = {"text_1": PLAIN.query, "text_2": PLAIN.texts, "model": MODEL}
    for path in ["/score", "/v1/score"]:
        check(
            "vLLM client, its body",
            "requests",
            f"POST {path}",
            lambda: [datum["score"] for datum in post(path, score)["data"]],
            PLAIN.scores(),
            f"{N} scores in input order",
        )

    tei = {"query": PLAIN.query, "texts": PLAIN.texts, "return_text": True, "raw_scores": True}
    check(
        "TEI client, its body",
        "requests",
        "POST /rerank with texts, raw_scores",
        lambda: [(r["index"], r["score"], r["text"]) for r in post("/rerank", tei)],
        [(int(r["id"]), r["logit"], PLAIN.texts[int(r["id"])]) for r in PLAIN.results],
        f"{N} indices, logits and texts, in order",
    )
    check(
        "this project's extras",
        "requests",
        "POST /v1/rerank with explain",
        lambda: [(r["index"], r["reasoning"]) for r in post("/v1/rerank", {**ask, "explain": {"top": 10, "comparison": True}})["results"]][:10],
        PLAIN.reasonings(10),
        "10 reasons, comparisons, quotes and receipts",
    )


with_cohere()
with_voyage()
with_rerankers()
with_litellm()
with_openai()
with_requests()
