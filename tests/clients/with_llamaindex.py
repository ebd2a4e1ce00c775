"""LlamaIndex's rerank integrations."""

import voyageai
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference
from llama_index.postprocessor.voyageai_rerank import VoyageAIRerank

from checks import KEY, PLAIN, URL, check

N = len(PLAIN.texts)
MODEL = PLAIN.student


def check_postprocessor(package, call, make, n):
    """Checks what a query engine's postprocessor returns: nodes, best first, with their scores."""

    def postprocess():
        nodes = [NodeWithScore(node=TextNode(id_=str(place), text=text), score=0.0) for place, text in enumerate(PLAIN.texts)]
        ranked = make().postprocess_nodes(nodes, query_str=PLAIN.query)
        return [(int(node.node.node_id), node.score) for node in ranked]

    check("LlamaIndex", package, call, postprocess, PLAIN.pairs(n), f"{n} nodes and scores, in order")


def voyage():
    reranker = VoyageAIRerank(model=MODEL, api_key=KEY, top_n=3)
    # This integration has no setting for the address; its client has.
    reranker._client = voyageai.Client(api_key=KEY, base_url=f"{URL}/v1")
    return reranker


check_postprocessor(
    "llama-index-postprocessor-cohere-rerank",
    "CohereRerank(base_url=..., top_n=3)",
    lambda: CohereRerank(base_url=URL, api_key=KEY, model=MODEL, top_n=3),
    3,
)
check_postprocessor(
    "llama-index-postprocessor-jinaai-rerank",
    "JinaRerank(base_url=..., top_n=3)",
    lambda: JinaRerank(base_url=f"{URL}/v1", api_key=KEY, model=MODEL, top_n=3),
    3,
)
check_postprocessor(
    "llama-index-postprocessor-tei-rerank",
    "TextEmbeddingInference(base_url=..., top_n=12)",
    lambda: TextEmbeddingInference(base_url=URL, auth_token=f"Bearer {KEY}", top_n=N),
    N,
)
check_postprocessor("llama-index-postprocessor-voyageai-rerank", "VoyageAIRerank(top_n=3)", voyage, 3)
