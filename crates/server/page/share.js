// The page's state as the fragment of its address, which browsers never send to a server.

/** Longer states are compressed. */
const PLAIN_UP_TO = 400;

/** Fragments longer than this are refused: Chromium's addresses end at two million characters. */
const LONGEST = 1_800_000;

/** A state that no address can hold. */
export class TooLong extends Error {}

/** `#s=p…` (plain) or `#s=z…` (deflated), both base64url of UTF-8 JSON. */
export async function toFragment(state) {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const compresses = bytes.length > PLAIN_UP_TO && typeof CompressionStream === 'function';
  const fragment = compresses
    ? `#s=z${base64(await through(bytes, new CompressionStream('deflate-raw')))}`
    : `#s=p${base64(bytes)}`;
  if (fragment.length > LONGEST) throw new TooLong(`a link would take ${fragment.length} characters`);
  return fragment;
}

/** The state of a fragment, or null where it holds none. */
export async function fromFragment(fragment) {
  const match = /^#s=([pz])([\w-]+)$/.exec(fragment);
  if (!match) return null;
  const bytes = bytesOf(match[2]);
  const plain = match[1] === 'z' ? await through(bytes, new DecompressionStream('deflate-raw')) : bytes;
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain));
}

async function through(bytes, transform) {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function base64(bytes) {
  let binary = '';
  // In parts, since a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function bytesOf(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
