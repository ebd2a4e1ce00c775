//! A file or standard output, packed on the way, that appears under its name only when it is whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::formats::error::FormatError;
use crate::formats::input::ends_with;

/// Where a writer writes: `<name>.partial`, renamed to its name by [`Output::finish`].
///
/// `.gz` and `.zst` names are packed. Dropped without `finish`, the partial file is removed.
pub struct Output {
    name: String,
    place: Place,
    /// `None` once finished.
    sink: Option<Sink>,
}

enum Place {
    /// Standard output, or a pipe or device, which cannot be renamed.
    Stream,
    File {
        partial: PathBuf,
        whole: PathBuf,
    },
}

enum Sink {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Gzip(GzEncoder<BufWriter<Box<dyn Write + Send>>>),
    Zstd(zstd::Encoder<'static, BufWriter<Box<dyn Write + Send>>>),
}

impl Output {
    /// Starts a file; `-` is standard output. An older file of that name stays until `finish`.
    pub fn create(path: &Path) -> Result<Self, FormatError> {
        let name = if path == Path::new("-") { "standard output".to_owned() } else { path.display().to_string() };
        let explain = |error: io::Error| FormatError::Write(named(&name, &error));
        let (place, target) = target(path).map_err(explain)?;
        let sink = Sink::packing(&name, BufWriter::with_capacity(1 << 16, target)).map_err(explain)?;
        Ok(Self { name, place, sink: Some(sink) })
    }

    /// Writes what is left, closes the file and gives it its name.
    pub fn finish(mut self) -> Result<(), FormatError> {
        let sink = self.sink.take().expect("only finish takes the sink, and it takes the output too");
        let closed = sink.close().and_then(|()| match &self.place {
            Place::Stream => Ok(()),
            Place::File { partial, whole } => fs::rename(partial, whole),
        });
        closed.map_err(|error| {
            self.forget();
            FormatError::Write(named(&self.name, &error))
        })
    }

    fn forget(&self) {
        match &self.place {
            Place::Stream => {}
            // The error that led here is the one to tell; a partial file that stays says what it is.
            Place::File { partial, .. } => drop(fs::remove_file(partial)),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sink = self.sink.as_mut().expect("the sink is there until finish, which takes the output");
        sink.as_write().write(bytes).map_err(|error| named(&self.name, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let sink = self.sink.as_mut().expect("the sink is there until finish, which takes the output");
        sink.as_write().flush().map_err(|error| named(&self.name, &error))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.sink.take().is_some() {
            self.forget();
        }
    }
}

impl Sink {
    fn packing(name: &str, target: BufWriter<Box<dyn Write + Send>>) -> io::Result<Self> {
        Ok(if ends_with(name, "gz") {
            Self::Gzip(GzEncoder::new(target, Compression::default()))
        } else if ends_with(name, "zst") {
            Self::Zstd(zstd::Encoder::new(target, 0)?)
        } else {
            Self::Plain(target)
        })
    }

    fn as_write(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(sink) => sink,
            Self::Gzip(sink) => sink,
            Self::Zstd(sink) => sink,
        }
    }

    fn close(self) -> io::Result<()> {
        match self {
            Self::Plain(mut sink) => sink.flush(),
            Self::Gzip(sink) => sink.finish()?.flush(),
            Self::Zstd(sink) => sink.finish()?.flush(),
        }
    }
}

fn target(path: &Path) -> io::Result<(Place, Box<dyn Write + Send>)> {
    if path == Path::new("-") {
        return Ok((Place::Stream, Box::new(io::stdout())));
    }
    // A link keeps its place: the file it points to is the one to replace.
    let whole = if path.is_symlink() { fs::canonicalize(path)? } else { path.to_owned() };
    match fs::metadata(&whole) {
        Ok(found) if found.is_dir() => {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, not a file"));
        }
        // A pipe or a device (/dev/null) is written to, never replaced by a file.
        Ok(found) if !found.is_file() => {
            return Ok((Place::Stream, Box::new(File::options().write(true).open(&whole)?)));
        }
        Ok(_) | Err(_) => {}
    }
    let mut partial = OsString::from(&whole);
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file = File::create(&partial)?;
    Ok((Place::File { partial, whole }, Box::new(file)))
}

fn named(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::input::Input;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_written_is_read_back_whatever_the_extension() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.txt", "a.txt.gz", "a.txt.zst"] {
            let path = folder.path().join(name);
            let mut output = Output::create(&path).unwrap();
            output.write_all("eins\nzwölf\n".as_bytes()).unwrap();
            output.finish().unwrap();
            assert_eq!(Input::open(&path).unwrap().into_text().unwrap(), "eins\nzwölf\n");
        }
        assert_eq!(names(folder.path()), ["a.txt", "a.txt.gz", "a.txt.zst"]);
        assert!(fs::read(folder.path().join("a.txt.gz")).unwrap().starts_with(&[0x1f, 0x8b]));
    }

    #[test]
    fn a_file_that_is_not_finished_never_takes_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.trec");
        fs::write(&path, "the older one").unwrap();
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"half").unwrap();
        assert_eq!(names(folder.path()), ["run.trec", "run.trec.partial"]);
        drop(output);
        assert_eq!(names(folder.path()), ["run.trec"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "the older one");
    }

    #[test]
    fn the_message_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = Output::create(&folder.path().join("no/such/folder/a")).err().unwrap().to_string();
        assert!(error.contains("no/such/folder/a: "), "{error}");
        let error = Output::create(folder.path()).err().unwrap().to_string();
        assert!(error.contains("it is a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut output = Output::create(&link).unwrap();
        output.write_all(b"new").unwrap();
        output.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");

        Output::create(Path::new("/dev/null")).unwrap().finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
