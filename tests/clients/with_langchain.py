"""LangChain's rerank integrations."""

from infinity_client.client import Client
from langchain_cohere import CohereRerank
from langchain_community.document_compressors import InfinityRerank, JinaRerank, jina_rerank
from langchain_core.documents import Document
from langchain_voyageai import VoyageAIRerank

from checks import KEY, PLAIN, URL, check

N = len(PLAIN.texts)
MODEL = PLAIN.student
DOCUMENTS = [Document(text, metadata={"place": place}) for place, text in enumerate(PLAIN.texts)]


def check_compressor(package, call, make, n):
    """Checks what a retriever's compressor returns: documents with their metadata and scores."""

    def compress():
        compressed = make().compress_documents(DOCUMENTS, PLAIN.query)
        return [(document.metadata["place"], document.metadata["relevance_score"]) for document in compressed]

    check("LangChain", package, call, compress, PLAIN.pairs(n), f"{n} documents and scores, in order")


# This integration has no setting for the address, which is a constant of its module.
jina_rerank.JINA_API_URL = f"{URL}/v1/rerank"

check_compressor(
    "langchain-cohere",
    "CohereRerank(base_url=..., top_n=3).compress_documents",
    lambda: CohereRerank(base_url=URL, cohere_api_key=KEY, model=MODEL, top_n=3),
    3,
)
check_compressor(
    "langchain-cohere",
    "CohereRerank(base_url=..., top_n=None).compress_documents",
    lambda: CohereRerank(base_url=URL, cohere_api_key=KEY, model=MODEL, top_n=None),
    N,
)
check_compressor(
    "langchain-community",
    "JinaRerank(top_n=3).compress_documents",
    lambda: JinaRerank(jina_api_key=KEY, model=MODEL, top_n=3),
    3,
)
check_compressor(
    "langchain-community",
    "InfinityRerank(top_n=3).compress_documents",
    lambda: InfinityRerank(client=Client(base_url=URL, headers={"Authorization": f"Bearer {KEY}"}), model=MODEL, top_n=3),
    3,
)
check_compressor(
    "langchain-voyageai",
    "VoyageAIRerank(base_url=..., top_k=3).compress_documents",
    lambda: VoyageAIRerank(api_key=KEY, base_url=f"{URL}/v1", model=MODEL, top_k=3),
    3,
)
