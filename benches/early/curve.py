"""Draws what stopping documents early costs and saves, from what `r2r early RECIPE --student DIR --json` printed:

    benches/early/curve.py early.json docs/early.svg

nDCG@10 of held-out queries, less that of finishing every document, against the share of the encoders' work: one curve for
each first exit. Needs Python alone.
"""

import json
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 620, 340, 66, 44, 20, 48
COLORS = ["#8a4fa3", "#3b8f4a", "#1b6ca8"]
LOWEST, HIGHEST = -0.03, 0.006


def main():
    found = json.loads(Path(sys.argv[1]).read_text())
    chosen = found["chosen"]
    x = lambda share: LEFT + share * (WIDTH - LEFT - RIGHT)
    y = lambda ndcg: HEIGHT - BOTTOM - (ndcg - LOWEST) / (HIGHEST - LOWEST) * (HEIGHT - TOP - BOTTOM)
    text = lambda at_x, at_y, words, more="": f'<text x="{at_x:.1f}" y="{at_y:.1f}" {more}>{words}</text>'
    line = lambda x1, y1, x2, y2, color: f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"/>'
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           text(LEFT, 18, f"Stopping documents early, by {chosen['measured']['lists']} held-out queries", 'font-weight="bold"'),
           text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "share of the encoders' work, against finishing every document",
                'text-anchor="middle"'),
           text(LEFT, 34, "difference of nDCG@10", 'font-size="11" fill="#555"')]
    for tenth in range(0, 11, 2):
        out += [line(x(tenth / 10), TOP, x(tenth / 10), HEIGHT - BOTTOM, "#e4e4e4"),
                text(x(tenth / 10), HEIGHT - BOTTOM + 16, f"{tenth / 10:.1f}", 'text-anchor="middle"')]
    for step in range(-6, 2):
        ndcg = step * 0.005
        out += [line(LEFT, y(ndcg), WIDTH - RIGHT, y(ndcg), "#999" if step == 0 else "#e4e4e4"),
                text(LEFT - 6, y(ndcg) + 4, f"{ndcg:+.3f}" if step else "0", 'text-anchor="end"')]
    firsts = sorted({tried["first_exit"] for tried in found["tried"]})
    for place, (color, first) in enumerate(zip(COLORS, firsts)):
        tried = [tried for tried in found["tried"] if tried["first_exit"] == first]
        # What loses more than the picture shows leaves it at the bottom.
        path = " ".join(f"{x(way['work']):.1f},{y(max(way['ndcg_at_10_difference'], LOWEST)):.1f}" for way in tried)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        legend = HEIGHT - BOTTOM - 14 - 16 * (len(firsts) - place - 1)
        out += [line(WIDTH - 190, legend - 4, WIDTH - 168, legend - 4, color),
                text(WIDTH - 162, legend, f"first exit behind {first} layer{'s' if first > 1 else ''}")]
    taken = (chosen["measured"]["work"], chosen["measured"]["ndcg_at_10_difference"])
    out += [f'<circle cx="{x(taken[0]):.1f}" cy="{y(taken[1]):.1f}" r="5" fill="#d1782b"/>',
            text(x(taken[0]) + 8, y(taken[1]) - 8, f"taken: margin {chosen['margin']:g}", 'fill="#d1782b"')]
    Path(sys.argv[2]).write_text("\n".join(out + ["</svg>", ""]))


if __name__ == "__main__":
    main()
