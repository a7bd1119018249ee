//! How long a sound file is, by its own header or by its size.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use bstr::ByteSlice;

/// Samples of a second: pocket plays and records everything at 8 kHz.
pub(crate) const RATE: u32 = 8000;

/// Extensions that FreeSWITCH's modules for files take, and the bytes of a second for
/// those that have no header; 0 for the others.
const EXTENSIONS: [(&str, u64); 44] = [
    ("adpcm", 4000),
    ("aif", 0),
    ("aiff", 0),
    ("al", 8000),
    ("alaw", 8000),
    ("au", 0),
    ("avr", 0),
    ("caf", 0),
    ("flac", 0),
    ("g722", 8000),
    ("g723", 800),
    ("g729", 1000),
    ("gsm", 1650),
    ("htk", 0),
    ("iff", 0),
    ("ilbc", 1900),
    ("l16", 16_000),
    ("mat", 0),
    ("mp3", 0),
    ("mp4", 0),
    ("mpc", 0),
    ("oga", 0),
    ("ogg", 0),
    ("opus", 0),
    ("paf", 0),
    ("pcma", 8000),
    ("pcmu", 8000),
    ("pvf", 0),
    ("r16", 32_000),
    ("r24", 48_000),
    ("r32", 64_000),
    ("r8", 16_000),
    ("raw", 16_000),
    ("rf64", 0),
    ("sds", 0),
    ("sf", 0),
    ("slin", 16_000),
    ("ul", 8000),
    ("ulaw", 8000),
    ("voc", 0),
    ("vox", 4000),
    ("w64", 0),
    ("wav", 0),
    ("wve", 0),
];

fn find(extension: &[u8]) -> Option<u64> {
    EXTENSIONS
        .iter()
        .find(|(known, _)| extension.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, bytes)| *bytes)
}

/// Whether FreeSWITCH has a module for files of that extension.
pub(crate) fn is_known(extension: &[u8]) -> bool {
    find(extension).is_some()
}

/// Enough for headers with what players and shops write before them.
const HEAD: u64 = 1 << 20;

/// Samples of 8 kHz; `None` when the file is not there, or tells no length.
pub(super) fn of(path: &Path, extension: &[u8]) -> Option<u64> {
    // Opening a pipe waits for who writes to it.
    let size = std::fs::metadata(path)
        .ok()
        .filter(Metadata::is_file)?
        .len();
    let file = File::open(path).ok()?;
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head).ok()?;
    let seconds = match head.get(..4)? {
        b"RIFF" => wav(&head, size),
        b"fLaC" => flac(&head),
        b"OggS" => ogg(&std::fs::read(path).ok()?),
        b".snd" => au(&head, size),
        b"FORM" => aiff(&head),
        _ => match find(extension)? {
            0 => mp3(&head, size),
            bytes => Some(size as f64 / bytes as f64),
        },
    }?;
    Some((seconds * f64::from(RATE)).round() as u64)
}

fn little(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn big(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The bytes of a second, and the size of the samples; a file that was cut, or is still
/// written, is as long as it is.
fn wav(head: &[u8], size: u64) -> Option<f64> {
    let mut at = 12;
    let mut rate = 0;
    while let Some(length) = little(head, at + 4) {
        match head.get(at..at + 4)? {
            b"fmt " => rate = little(head, at + 16)?,
            b"data" if rate > 0 => {
                let there = size.saturating_sub(at as u64 + 8);
                return Some(u64::from(length).min(there) as f64 / f64::from(rate));
            }
            _ => {}
        }
        at += 8 + length as usize + (length as usize & 1);
    }
    None
}

/// STREAMINFO: 20 bits of rate, 3 of channels, 5 of depth, 36 of samples.
fn flac(head: &[u8]) -> Option<f64> {
    let upper = u64::from(big(head, 18)?);
    let lower = u64::from(big(head, 22)?);
    let rate = upper >> 12;
    let samples = (upper & 0xf) << 32 | lower;
    (rate > 0).then(|| samples as f64 / rate as f64)
}

/// The position in the last page, and the rate in the first.
fn ogg(file: &[u8]) -> Option<f64> {
    let last = file.rfind("OggS")?;
    let position = u64::from(little(file, last + 10)?) << 32 | u64::from(little(file, last + 6)?);
    let rate = match file.find("\x01vorbis") {
        Some(at) if at < 100 => little(file, at + 12)?,
        // Opus counts at 48 kHz whatever it was made from; Speex in Ogg is not told apart.
        _ => 48_000,
    };
    (rate > 0).then(|| position as f64 / f64::from(rate))
}

fn au(head: &[u8], size: u64) -> Option<f64> {
    let offset = big(head, 4)?;
    let width = match big(head, 12)? {
        1 | 2 | 27 => 1,
        3 => 2,
        4 => 3,
        5 | 6 => 4,
        _ => return None,
    };
    let second = big(head, 16)? * width * big(head, 20)?.max(1);
    (second > 0).then(|| size.saturating_sub(u64::from(offset)) as f64 / f64::from(second))
}

/// COMM: channels, frames, depth, and the rate as a float of 80 bits.
fn aiff(head: &[u8]) -> Option<f64> {
    let at = head.find("COMM")? + 8;
    let frames = big(head, at + 2)?;
    let exponent = u16::from_be_bytes(head.get(at + 8..at + 10)?.try_into().ok()?);
    let mantissa = f64::from(big(head, at + 10)?);
    let rate = mantissa * 2f64.powi(i32::from(exponent & 0x7fff) - 16_383 - 31);
    (rate > 0.0).then(|| f64::from(frames) / rate)
}

/// By the bit rate of the first frame, as for a file of one rate.
fn mp3(head: &[u8], size: u64) -> Option<f64> {
    const V1: [u32; 16] = [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0,
    ];
    const V2: [u32; 16] = [
        0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0,
    ];
    let mut begin = 0;
    if head.starts_with(b"ID3") {
        // The length of what stands before has 7 bits to a byte.
        let length = head.get(6..10)?.iter();
        begin = length.fold(0, |sum, byte| sum << 7 | usize::from(*byte & 0x7f)) + 10;
    }
    let at = begin
        + head
            .get(begin..)?
            .windows(2)
            .position(|pair| pair[0] == 0xff && pair[1] & 0xe6 == 0xe2)?;
    let rates = if head[at + 1] & 0x18 == 0x18 { V1 } else { V2 };
    let kilobits = rates[usize::from(head.get(at + 2)? >> 4)];
    let bits = size.saturating_sub(at as u64) * 8;
    (kilobits > 0).then(|| bits as f64 / f64::from(kilobits * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_lengths() {
        let mut flac_head = b"fLaC\0\0\0\x22".to_vec();
        flac_head.extend([0; 10]);
        flac_head.extend((16_000u32 << 12 | 1 << 9).to_be_bytes());
        flac_head.extend(32_000u32.to_be_bytes());
        assert_eq!(flac(&flac_head), Some(2.0));
        let au_head = [0x2e73_6e64u32, 24, 0, 1, 8000, 1]
            .map(u32::to_be_bytes)
            .concat();
        assert_eq!(au(&au_head, 24 + 12_000), Some(1.5));
        let mut mp3_head = b"ID3\x03\0\0\0\0\0\x02xx".to_vec();
        mp3_head.extend([0xff, 0xfb, 0x90, 0]);
        assert_eq!(mp3(&mp3_head, 12 + 16_000 * 2), Some(2.0));
        let mut page = b"OggS\0\x04".to_vec();
        page.extend(96_000u64.to_le_bytes());
        assert_eq!(ogg(&page), Some(2.0));
        let mut comm = b"FORM\0\0\0\0AIFFCOMM\0\0\0\x12\0\x01\0\0\x1f\x40\0\x10\x40\x0b".to_vec();
        comm.extend([0xfa, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(aiff(&comm), Some(1.0));
        let mut u_law = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0\x07\0\x01\0".to_vec();
        u_law.extend([8000u32, 8000].map(u32::to_le_bytes).concat());
        u_law.extend(b"\x01\0\x08\0\0\0data");
        u_law.extend(4000u32.to_le_bytes());
        assert_eq!(wav(&u_law, u_law.len() as u64 + 4000), Some(0.5));
    }

    #[test]
    fn what_has_no_header_is_as_long_as_its_size_says() {
        let path = std::env::temp_dir().join(format!("pocket-{}.ul", uuid::Uuid::new_v4()));
        std::fs::write(&path, vec![0x7fu8; 4000]).expect("written");
        assert_eq!(of(&path, b"UL"), Some(4000));
        assert_eq!(of(&path, b"gsm"), Some(19_394));
        assert_eq!(of(&path, b"mp3"), None);
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(of(&path, b"ul"), None);
    }

    #[test]
    fn a_pipe_is_no_sound_and_keeps_nobody() {
        let path = std::env::temp_dir().join(format!("pocket-{}.ul", uuid::Uuid::new_v4()));
        let name = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL");
        // SAFETY: a C string, which lives for the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert_eq!(of(&path, b"ul"), None);
        std::fs::remove_file(&path).expect("removed");
    }
}
