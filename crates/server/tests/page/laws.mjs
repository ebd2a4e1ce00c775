// The page's modules by themselves, in the browser that runs them.

import { readFileSync } from 'node:fs';

export async function laws(session) {
  const page = await session.page();
  const held = await page.evaluate(async () => {
    const { codePoints, piecesOf, textWithout } = await import('./page/pieces.js');
    const { readDocuments, InputError } = await import('./page/documents.js');
    const { EventParser } = await import('./page/api.js');
    const { fromFragment, toFragment } = await import('./page/share.js');
    const { measurable } = await import('./page/counterfactual.js');
    const found = [];
    const law = (name, holds, value) =>
      found.push({ name, holds: Boolean(holds), value: holds ? '' : JSON.stringify(value) });
    const same = (name, a, b) => law(name, JSON.stringify(a) === JSON.stringify(b), a);

    const text = 'A 😀 b. Süß ist es hier 🧁🧁 nicht. The third sentence is here.';
    const points = [...text];
    const at = codePoints(text);
    law(
      'a code point is found at its place among UTF-16 units',
      points.every((character, i) => text.startsWith(character, at(i))) && at(points.length) === text.length,
    );

    const start = points.join('').indexOf('Süß');
    const from = [...text.slice(0, start)].length;
    const evidence = [{ start: from, end: from + [...'Süß ist es hier 🧁🧁 nicht.'].length }];
    const pieces = piecesOf(text, evidence);
    same(
      'evidence behind astral characters is one piece',
      pieces.filter((piece) => piece.evidence).map((piece) => text.slice(piece.start, piece.end)),
      ['Süß ist es hier 🧁🧁 nicht.'],
    );
    const across = piecesOf('One two three four. Five six seven eight. Nine ten eleven.', [{ start: 8, end: 30 }]);
    same(
      'evidence may begin and end within sentences',
      across.map((piece) => [piece.start, piece.end, piece.evidence !== null]),
      [
        [0, 7, false],
        [8, 30, true],
        [30, 41, false],
        [42, 58, false],
      ],
    );
    same(
      'pieces are taken out without a scar',
      textWithout('One a b. Two c d. Three e f.', piecesOf('One a b. Two c d. Three e f.', []), [1]),
      'One a b. Three e f.',
    );
    same(
      'all pieces may be taken out',
      textWithout('One a b. Two c d.', piecesOf('One a b. Two c d.', []), [1, 0]),
      '',
    );
    const odd = '  Lead in here. Then a line\nand another one! 字字字字。 Dr. X says so. ';
    const all = piecesOf(odd, []);
    law(
      'pieces are ordered, trimmed, and cover every letter',
      all.every(
        (piece, i) =>
          piece.start >= (all[i - 1]?.end ?? 0) &&
          odd.slice(piece.start, piece.end).trim().length === piece.end - piece.start,
      ) &&
        all.reduce((rest, piece) => rest - (piece.end - piece.start), 0) <= 0 &&
        all
          .map((piece) => odd.slice(piece.start, piece.end))
          .join('')
          .replace(/\s/g, '') === odd.replace(/\s/g, ''),
    );

    const most = (n_pieces, length, room = {}) =>
      measurable(n_pieces, { id: 'x', title: '', text: 'é'.repeat(length) }, 'q', {
        documents: 5000,
        bytes: 32e6,
        ...room,
      });
    same(
      'as many pieces are measured as one request holds',
      [most(5, 50), most(300, 50), most(300, 200_000), most(300, 3e6), most(300, 50, { documents: 20 })],
      [5, 100, 9, 1, 20],
    );
    same('of a server that takes little, fewer', most(300, 400, { bytes: 5000 }), 6);

    const ids = (raw, options) => readDocuments(raw, options).documents.map((each) => [each.id, each.title, each.text]);
    same('plain lines are named by their numbers', ids('first\n\n  third \r\n'), [
      ['1', '', 'first'],
      ['3', '', 'third'],
    ]);
    same('JSONL may name ids as BEIR does', ids('{"_id":7,"title":"t","text":"x"}\n\n{"id":"b","text":"y"}'), [
      ['7', 't', 'x'],
      ['b', '', 'y'],
    ]);
    same('an array may hold texts', ids('\ufeff["x", {"docid":"d","text":"y"}]'), [
      ['1', '', 'x'],
      ['d', '', 'y'],
    ]);
    same(
      'a whole request brings its query',
      [readDocuments('{"query":"q","texts":["x"]}').query, ids('{"query":"q","texts":["x"]}').length],
      ['q', 1],
    );
    same(
      'ids that occur twice are told apart',
      ids('{"id":"a","text":"x"}\n{"id":"a","text":"y"}').map(([id]) => id),
      ['a', 'a (2)'],
    );
    same('text that begins like JSON can be read as plain', ids('[1] a\n{2} b', { plain: true }).length, 2);
    const mistake = (raw) => {
      try {
        readDocuments(raw);
        return null;
      } catch (error) {
        return error instanceof InputError ? error.line : String(error);
      }
    };
    same(
      'mistakes name their lines',
      [mistake('{"text":"x"}\n{"text":'), mistake('{"text":"x"}\n\n{"title":"x"}'), mistake('[\n"a"\n"b"]')],
      [2, 3, 3],
    );

    const stream =
      'event: ranking\r\ndata: {"a":1}\r\n\r\n: a comment\n\nevent:reasoning\ndata: one\ndata: two\n\ndata: x\r\revent: done\ndata: {}\n\n';
    const whole = new EventParser().push(stream);
    same('events are read with all three line ends', whole, [
      { event: 'ranking', data: '{"a":1}' },
      { event: 'reasoning', data: 'one\ntwo' },
      { event: 'message', data: 'x' },
      { event: 'done', data: '{}' },
    ]);
    let torn = true;
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const parser = new EventParser();
      torn &&=
        JSON.stringify([...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))]) ===
        JSON.stringify(whole);
    }
    law('events survive any cut of the stream', torn);

    for (const state of [{ q: 'kurz' }, { q: 'why 😀', d: 'a long text. '.repeat(5000) }]) {
      const fragment = await toFragment(state);
      same(
        `a link of ${fragment[3] === 'z' ? 'a long' : 'a short'} state brings it back`,
        await fromFragment(fragment),
        state,
      );
      law(
        'a long state is compressed',
        fragment[3] !== 'z' || fragment.length < JSON.stringify(state).length / 10,
        fragment.length,
      );
    }
    law('a fragment of something else is no state', (await fromFragment('#results')) === null);
    return found;
  });
  for (const { name, holds, value } of held) session.check(name, holds, value);

  const folder = new URL('../../../../examples/heat-pumps/', import.meta.url);
  const documents = readFileSync(new URL('documents.jsonl', folder), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const query = readFileSync(new URL('query.txt', folder), 'utf8').trim();
  const first = await page.evaluate(async () => (await import('./page/examples.js')).EXAMPLES[0]);
  session.check(
    'the first example is the one of the README',
    first.query === query && JSON.stringify(first.documents) === JSON.stringify(documents),
  );
  await session.done(page, 'laws');
}
