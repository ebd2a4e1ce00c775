"""The official MCP client of Python, against `r2r mcp` over standard input and output."""

import asyncio

from mcp import Client, ClientSession, MCPError, StdioServerParameters, stdio_client

from checks import BINARY, PLAIN, STUDENT, TITLED, check

SERVER = StdioServerParameters(command=BINARY, args=["mcp", "--student", STUDENT])
N = len(PLAIN.texts)


def with_client(ask, **options):
    """Starts the server, asks, and stops it."""

    async def run():
        async with Client(SERVER, read_timeout_seconds=60, **options) as client:
            return await ask(client)

    return lambda: asyncio.run(run())


def with_old_client(ask):
    """The same by the session of earlier versions of the SDK, with its handshake."""

    async def run():
        async with stdio_client(SERVER) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            return await ask(session)

    return lambda: asyncio.run(run())


def ranking(structured):
    return [(result["index"], result["score"]) for result in structured["results"]]


async def names(client):
    return [tool.name for tool in (await client.list_tools()).tools]


async def rerank(client):
    answer = await client.call_tool("rerank", {"query": PLAIN.query, "documents": PLAIN.texts, "top_n": N})
    return ranking(answer.structured_content)


async def rerank_titled(client):
    answer = await client.call_tool("rerank", {"query": TITLED.query, "documents": TITLED.documents, "top_n": 3})
    return ranking(answer.structured_content)


async def explain_ranking(client):
    arguments = {"query": PLAIN.query, "documents": PLAIN.texts, "top_n": N, "explain": True}
    answer = await client.call_tool("rerank", arguments)
    text = answer.content[0].text
    reasonings = [(result["index"], result["reasoning"]) for result in answer.structured_content["results"]][:10]
    return reasonings, all(reasoning["direct"] in text for _, reasoning in reasonings)


async def explain_each(client):
    async def one(index):
        answer = await client.call_tool("explain", {"query": PLAIN.query, "document": PLAIN.texts[index]})
        reasoning = answer.structured_content["reasoning"]
        return index, answer.structured_content["score"], reasoning["direct"], reasoning["evidence"]

    return [await one(index) for index, _ in PLAIN.pairs()]


async def at_once(client):
    answers = await asyncio.gather(*[rerank(client) for _ in range(8)])
    return answers


async def mistakes(client):
    said = []
    for arguments in [{"documents": PLAIN.texts}, {"query": "a", "documents": []}, {"query": "a", "docs": ["b"]}]:
        answer = await client.call_tool("rerank", arguments)
        said.append((answer.is_error, "; " in answer.content[0].text))
    return said


async def unknown_tool(client):
    try:
        await client.call_tool("search", {})
    except MCPError as error:
        return "the tools are rerank and explain" in str(error)
    return False


def row(call, ask, expected, shown):
    check("mcp", "mcp", call, ask, expected, shown)


EACH = [
    (int(r["id"]), r["score"], r["reasoning"]["direct"], r["reasoning"]["evidence"]) for r in PLAIN.results
]
row("list_tools", with_client(names), ["rerank", "explain"], "both tools")
row("list_tools, protocol 2026-07-28", with_client(names, mode="2026-07-28"), ["rerank", "explain"], "both tools")
row("list_tools, initialize handshake", with_old_client(names), ["rerank", "explain"], "both tools")
row("call_tool('rerank')", with_client(rerank), PLAIN.pairs(), f"{N} indices and scores, in order")
row("call_tool('rerank'), initialize handshake", with_old_client(rerank), PLAIN.pairs(), f"{N} indices and scores, in order")
row("call_tool('rerank') with titles, top_n=3", with_client(rerank_titled), TITLED.pairs(3), "3 indices and scores, in order")
row("call_tool('rerank', explain=True)", with_client(explain_ranking), (PLAIN.reasonings(10), True), "10 reasons, comparisons, quotes and receipts")
row("call_tool('explain')", with_client(explain_each), EACH, f"scores, reasons and evidence of {N} documents")
row("call_tool('rerank'), 8 at once", with_client(at_once), [PLAIN.pairs()] * 8, f"8 times {N} indices and scores")
row("call_tool with wrong arguments", with_client(mistakes), [(True, True)] * 3, "tool errors that say what to do")
row("call_tool of an unknown tool", with_client(unknown_tool), True, "an error that names the tools")
