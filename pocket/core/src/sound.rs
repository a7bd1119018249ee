//! Sound: what a path plays, and for how long.

use bstr::{BStr, BString, ByteSlice};

use crate::text::number;

pub(crate) mod length;

pub(crate) use length::RATE;

/// How much there is of a sound, in samples of 8 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sound {
    Samples(u64),
    Endless,
}

/// A path that nothing can be played from.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) path: BString,
    pub(crate) why: String,
    /// It is a file's, whose name is in order.
    is_file: bool,
}

/// What is played in the place of a file that is not there.
pub(crate) struct OfMissing(Option<Sound>);

impl OfMissing {
    /// That many microseconds, or nothing.
    pub(crate) fn new(length: Option<i64>) -> Self {
        let samples =
            |length: i64| u64::try_from(length).unwrap_or(0) * u64::from(RATE) / 1_000_000;
        Self(length.map(|length| Sound::Samples(samples(length))))
    }

    pub(crate) fn of_missing(&self, missing: &Missing) -> Option<Sound> {
        self.0.filter(|_| missing.is_file)
    }
}

/// Finds what `file` names, as the core does: relative to `prefix`, with the
/// extension that it lacks. Returns the path that is played, too.
pub(crate) fn find(file: &BStr, prefix: &BStr) -> Result<(BString, Sound), Missing> {
    let bare = without_parameters(file);
    if let Some(at) = bare.find("://") {
        let (kind, rest) = (&bare[..at], &bare[at + 3..]);
        let sound = match kind.as_bytes() {
            b"silence_stream" => silence(rest),
            b"tone_stream" => Some(tones(rest.as_bstr())),
            b"local_stream" => Some(Sound::Endless),
            b"file_string" => return strings(rest, prefix).map(|sound| (bare.to_owned(), sound)),
            _ => None,
        };
        return match sound {
            Some(sound) => Ok((bare.to_owned(), sound)),
            None => Err(Missing {
                path: bare.to_owned(),
                why: format!(
                    "Invalid file format [{}] for [{}]!",
                    kind.as_bstr(),
                    rest.as_bstr()
                ),
                is_file: false,
            }),
        };
    }
    let full = if bare.starts_with(b"/") {
        bare.to_owned()
    } else {
        BString::from([prefix.as_bytes(), b"/", bare.as_bytes()].concat())
    };
    let name = full
        .rfind_byte(b'/')
        .map_or(&full[..], |at| &full[at + 1..]);
    let candidates = if name.contains(&b'.') {
        vec![full]
    } else {
        vec![BString::from([&full[..], b".wav"].concat())]
    };
    for path in &candidates {
        let extension = path.rfind_byte(b'.').map_or(&b""[..], |at| &path[at + 1..]);
        if !length::is_known(extension) {
            return Err(Missing {
                path: path.clone(),
                why: format!(
                    "Invalid file format [{}] for [{path}]!",
                    extension.as_bstr()
                ),
                is_file: false,
            });
        }
        if let Some(samples) = length::of(&path.to_path_lossy(), extension) {
            return Ok((path.clone(), Sound::Samples(samples)));
        }
    }
    let path = candidates.into_iter().next_back().unwrap_or_default();
    // Whether it is there and nothing that can be played, or not there at all.
    let is_there = path.to_path_lossy().exists();
    let error = if is_there {
        "File contains data in an unknown format."
    } else {
        "System error : No such file or directory."
    };
    Err(Missing {
        why: format!("Error Opening File [{path}] [{error}]"),
        path,
        is_file: !is_there,
    })
}

/// Without `{name=value}` in front, which tell a format how to play.
fn without_parameters(file: &BStr) -> &BStr {
    let mut rest = file;
    while rest.first() == Some(&b'{') {
        match rest.find_byte(b'}') {
            Some(end) => rest = rest[end + 1..].trim_ascii_start().as_bstr(),
            None => break,
        }
    }
    rest
}

/// The `{name=value}` in front of a file, blanks included.
pub(crate) fn in_front(file: &BStr) -> &[u8] {
    &file[..file.len() - without_parameters(file).len()]
}

/// What they say, names and values.
pub(crate) fn parameters(file: &BStr) -> Vec<(BString, BString)> {
    in_front(file)
        .split_str("}")
        .filter_map(|braces| braces.trim_ascii_start().strip_prefix(b"{"))
        .flat_map(|inner| crate::text::split(inner, b',', 1024))
        .filter_map(|pair| {
            let mut words = crate::text::split(&pair, b'=', 2).into_iter();
            Some((words.next()?, words.next()?))
        })
        .collect()
}

/// `milliseconds[,level]`, -1 without end.
fn silence(text: &[u8]) -> Option<Sound> {
    let milliseconds = number(text);
    if milliseconds == 0 {
        return None;
    }
    match u64::try_from(milliseconds) {
        Ok(milliseconds) => Some(Sound::Samples(milliseconds * u64::from(RATE) / 1000)),
        Err(_) => Some(Sound::Endless),
    }
}

/// Several files, separated by `!`.
fn strings(list: &[u8], prefix: &BStr) -> Result<Sound, Missing> {
    let mut all = 0;
    for file in list.split_str("!") {
        match find(file.as_bstr(), prefix)?.1 {
            Sound::Samples(samples) => all += samples,
            Sound::Endless => return Ok(Sound::Endless),
        }
    }
    Ok(Sound::Samples(all))
}

/// The length of a tone script: `%(on,off,hertz...)` in milliseconds, `L=` how
/// often the tones so far are repeated, `loops=` how often all of it.
fn tones(script: &BStr) -> Sound {
    let mut milliseconds: u64 = 0;
    let mut loops: i64 = 1;
    let mut repeat: u64 = 1;
    for part in script.split_str(";") {
        let part = part.trim_ascii();
        if let Some(value) = part.strip_prefix(b"loops=") {
            loops = number(value);
        } else if let Some(value) = part
            .strip_prefix(b"L=")
            .or_else(|| part.strip_prefix(b"l="))
        {
            repeat = u64::try_from(number(value)).unwrap_or(1).max(1);
        } else {
            for tone in part.split_str("%(").skip(1) {
                let mut lengths = tone.split_str(",");
                for _ in 0..2 {
                    milliseconds +=
                        u64::try_from(number(lengths.next().unwrap_or_default())).unwrap_or(0);
                }
            }
        }
    }
    if loops < 0 {
        return Sound::Endless;
    }
    let loops = u64::try_from(loops).unwrap_or(1).max(1);
    Sound::Samples(milliseconds * repeat * loops * u64::from(RATE) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(file: &str) -> Option<Sound> {
        find(file.into(), "/nowhere".into())
            .ok()
            .map(|(_, sound)| sound)
    }

    #[test]
    fn streams_have_their_length() {
        assert_eq!(
            length("silence_stream://1500"),
            Some(Sound::Samples(12_000))
        );
        assert_eq!(
            length("silence_stream://1000,1400"),
            Some(Sound::Samples(8000))
        );
        assert_eq!(length("silence_stream://-1"), Some(Sound::Endless));
        assert_eq!(length("silence_stream://"), None);
        assert_eq!(length("silence_stream://abc"), None);
        assert_eq!(
            length("tone_stream://%(500,250,440,480);loops=2"),
            Some(Sound::Samples(12_000))
        );
        assert_eq!(
            length("tone_stream://v=-7;%(100,0,900)%(100,0,1200)"),
            Some(Sound::Samples(1600))
        );
        assert_eq!(
            length("tone_stream://%(1,1,440);loops=-1"),
            Some(Sound::Endless)
        );
        assert_eq!(
            length("file_string://silence_stream://100!silence_stream://200"),
            Some(Sound::Samples(2400))
        );
    }

    #[test]
    fn what_is_not_there_says_where_it_was_looked_for() {
        let missing = find("hello".into(), "/nowhere".into()).expect_err("not there");
        assert_eq!(missing.path, "/nowhere/hello.wav");
        assert!(
            find("x.mp9".into(), "/".into())
                .is_err_and(|missing| missing.why.contains("Invalid file format"))
        );
    }

    #[test]
    fn wav_files_are_as_long_as_they_say() {
        let path = std::env::temp_dir().join(format!("pocket-{}.wav", uuid::Uuid::new_v4()));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).expect("a file");
        for _ in 0..16_000 {
            writer.write_sample(0i16).expect("written");
        }
        writer.finalize().expect("closed");
        assert_eq!(length(&path.to_string_lossy()), Some(Sound::Samples(8000)));
        std::fs::remove_file(&path).expect("removed");
    }
}
