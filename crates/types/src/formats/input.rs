//! A file or standard input as lines of text, unpacked on the way.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::Path;

use crate::formats::error::FormatError;

/// The longest line that is read, in bytes: a file without line ends must not fill the memory.
pub const LONGEST_LINE: usize = 64 << 20;

/// The longest text that is read in one piece (a JSON array), in bytes.
const LONGEST_TEXT: usize = 4 << 30;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Text that is read line by line, with its name and place for messages.
pub struct Input {
    file: String,
    reader: Box<dyn BufRead + Send>,
    /// The line that was read last; its memory serves the next one.
    text: String,
    line: usize,
}

/// One line of an [`Input`], without its line end.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The file that holds it.
    pub file: &'a str,
    /// Its number, starting at 1.
    pub number: usize,
    /// Its text.
    pub text: &'a str,
}

impl Line<'_> {
    /// The error that this line is not what the format asks for.
    pub fn malformed(&self, problem: impl Into<String>, advice: &str) -> FormatError {
        FormatError::Malformed {
            file: self.file.to_owned(),
            line: self.number,
            problem: problem.into(),
            advice: advice.to_owned(),
        }
    }

    /// The error that `what` stood at an earlier line already.
    pub fn duplicate(&self, first_line: usize, what: String) -> FormatError {
        FormatError::Duplicate { file: self.file.to_owned(), line: self.number, first_line, what }
    }
}

impl Input {
    /// Opens a file; `-` is standard input. Compression shows in the first bytes, whatever the name says.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        if path == Path::new("-") {
            return Self::of_reader("standard input", io::stdin());
        }
        let file = path.display().to_string();
        let opened = File::open(path).and_then(|opened| {
            let is_folder = opened.metadata()?.is_dir();
            let refused = || io::Error::new(ErrorKind::IsADirectory, "it is a folder, not a file");
            if is_folder { Err(refused()) } else { Ok(opened) }
        });
        match opened {
            Ok(opened) => Self::of_reader(&file, opened),
            Err(source) => Err(FormatError::Open { file, source }),
        }
    }

    /// Reads from anything; `file` names it in messages, and a name in `.gz` or `.zst` promises compression.
    pub fn of_reader(file: &str, mut reader: impl Read + Send + 'static) -> Result<Self, FormatError> {
        let file = file.to_owned();
        let failed = |file: &str, source| Err(FormatError::Read { file: file.to_owned(), line: 0, source });
        let head = match first_bytes(&mut reader) {
            Ok(head) => head,
            Err(source) => return failed(&file, source),
        };
        let cut_off = |magic: &[u8]| head.len() < magic.len() && magic.starts_with(&head);
        if ends_with(&file, "gz") && cut_off(GZIP_MAGIC) || ends_with(&file, "zst") && cut_off(ZSTD_MAGIC) {
            return Err(FormatError::Truncated { file, line: 0 });
        }
        let (gzip, zstd) = (head.starts_with(GZIP_MAGIC), head.starts_with(ZSTD_MAGIC));
        let packed = BufReader::with_capacity(1 << 16, Cursor::new(head).chain(reader));
        let reader: Box<dyn BufRead + Send> = if gzip {
            Box::new(BufReader::with_capacity(1 << 16, flate2::bufread::MultiGzDecoder::new(packed)))
        } else if zstd {
            match zstd::stream::read::Decoder::with_buffer(packed) {
                Ok(decoder) => Box::new(BufReader::with_capacity(1 << 16, decoder)),
                Err(source) => return failed(&file, source),
            }
        } else {
            Box::new(packed)
        };
        Ok(Self { file, reader, text: String::new(), line: 0 })
    }

    /// Reads a text that is at hand; `file` names it in messages.
    pub fn of_text(file: &str, text: &str) -> Result<Self, FormatError> {
        Self::of_reader(file, Cursor::new(text.to_owned()))
    }

    /// The name of the file, for messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The next line; `None` at the end. Line ends are `\n` or `\r\n`; a byte order mark is dropped.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, FormatError> {
        Ok(if self.advance()? { Some(self.current()) } else { None })
    }

    /// The next line that holds more than white space; `None` at the end.
    pub fn next_filled_line(&mut self) -> Result<Option<Line<'_>>, FormatError> {
        while self.advance()? {
            if !self.text.trim_ascii().is_empty() {
                return Ok(Some(self.current()));
            }
        }
        Ok(None)
    }

    /// Reads a line into `text`; `false` at the end.
    fn advance(&mut self) -> Result<bool, FormatError> {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.clear();
        let limit = LONGEST_LINE as u64 + 1;
        match (&mut self.reader).take(limit).read_until(b'\n', &mut bytes) {
            Ok(0) => return Ok(false),
            Ok(_) => self.line += 1,
            Err(source) => return Err(self.failed(source)),
        }
        if bytes.len() > LONGEST_LINE {
            let problem = format!("the line is longer than {} MiB", LONGEST_LINE >> 20);
            return Err(self.current().malformed(problem, "break the file into lines, one record each"));
        }
        for line_end in *b"\n\r" {
            if bytes.last() == Some(&line_end) {
                bytes.pop();
            }
        }
        if self.line == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.text = text,
            Err(error) => {
                let problem = format!("the line is not UTF-8 at byte {}", error.utf8_error().valid_up_to() + 1);
                return Err(self.current().malformed(problem, "convert the file to UTF-8"));
            }
        }
        Ok(true)
    }

    fn current(&self) -> Line<'_> {
        Line { file: &self.file, number: self.line, text: &self.text }
    }

    /// The first character that is no white space, where it is near; nothing is consumed.
    pub fn first_character(&mut self) -> Result<Option<u8>, FormatError> {
        let found = self.reader.fill_buf().map(|head| {
            let head = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
            head.iter().copied().find(|byte| !byte.is_ascii_whitespace())
        });
        found.map_err(|source| self.failed(source))
    }

    /// The whole text that is left, without a byte order mark.
    pub fn into_text(mut self) -> Result<String, FormatError> {
        let mut bytes = Vec::new();
        if let Err(source) = (&mut self.reader).take(LONGEST_TEXT as u64 + 1).read_to_end(&mut bytes) {
            return Err(self.failed(source));
        }
        if bytes.len() > LONGEST_TEXT {
            let problem = format!("the text is longer than {} GiB", LONGEST_TEXT >> 30);
            return Err(self.current().malformed(problem, "write it as JSONL, one record a line"));
        }
        if bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            self.line = good.split(|&byte| byte == b'\n').count();
            self.current().malformed("the line is not UTF-8", "convert the file to UTF-8")
        })
    }

    fn failed(&self, source: io::Error) -> FormatError {
        let (file, line) = (self.file.clone(), self.line);
        match source.kind() {
            ErrorKind::UnexpectedEof => FormatError::Truncated { file, line },
            _ => FormatError::Read { file, line, source },
        }
    }
}

/// Whether the name has the extension, in letters of any case.
pub(crate) fn ends_with(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The first bytes of a stream: at least four where it has so many, even when a pipe hands them out singly.
fn first_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; 1 << 13];
    let mut filled = 0;
    while filled < ZSTD_MAGIC.len() {
        match reader.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(filled);
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(file: &str, bytes: Vec<u8>) -> Result<Vec<String>, FormatError> {
        let mut input = Input::of_reader(file, Cursor::new(bytes))?;
        let mut lines = Vec::new();
        while let Some(line) = input.next_line()? {
            lines.push(line.text.to_owned());
        }
        Ok(lines)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn lines_lose_their_ends_and_the_byte_order_mark() {
        assert_eq!(lines("a", b"\xef\xbb\xbfone\r\ntwo\n\nthree".to_vec()).unwrap(), ["one", "two", "", "three"]);
        assert_eq!(lines("a", Vec::new()).unwrap(), [""; 0]);
    }

    #[test]
    fn members_and_frames_are_joined() {
        assert_eq!(lines("a.gz", [gzip("one\ntw"), gzip("o\n")].concat()).unwrap(), ["one", "two"]);
        let frame = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
        assert_eq!(lines("no-extension", [frame("one\ntw"), frame("o\n")].concat()).unwrap(), ["one", "two"]);
        assert_eq!(lines("plain-in-spite-of-its-name.gz", b"one".to_vec()).unwrap(), ["one"]);
    }

    #[test]
    fn every_truncation_of_a_compressed_file_is_noticed() {
        let text = (0..200).map(|i| format!("line {i} {}\n", i * 7919 % 1000)).collect::<Vec<String>>().concat();
        let check = |file: &str, whole: &[u8]| {
            for end in 0..whole.len() {
                let read = lines(file, whole[..end].to_vec());
                assert!(matches!(read, Err(FormatError::Truncated { .. })), "{file} cut at {end}: {read:?}");
            }
            assert_eq!(lines(file, whole.to_vec()).unwrap().len(), 200);
        };
        check("a.gz", &gzip(&text));
        check("a.zst", &zstd::encode_all(text.as_bytes(), 3).unwrap());
    }

    #[test]
    fn bytes_that_are_no_text_name_their_line() {
        let error = lines("a", b"fine\nb\xffd\n".to_vec()).unwrap_err().to_string();
        assert_eq!(error, "a:2: the line is not UTF-8 at byte 2; convert the file to UTF-8");
    }

    #[test]
    fn endless_lines_are_refused() {
        let mut input = Input::of_reader("zeros", io::repeat(b'0')).unwrap();
        let error = input.next_line().unwrap_err().to_string();
        assert!(error.starts_with("zeros:1: the line is longer than 64 MiB"), "{error}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = Input::open(Path::new("/no/such/file")).err().unwrap().to_string();
        assert!(error.starts_with("cannot open /no/such/file: "), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let error = Input::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("it is a folder"), "{error}");
    }
}
