//! Values on their way between Python and the switch.
//!
//! SIP brings bytes that need not be UTF-8. They become `str` with
//! `surrogateescape`, and go back as they came; nothing raises on the way in.

use std::borrow::Cow;
use std::ffi::{CString, c_char};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString};

/// A `str` of the switch's bytes.
pub fn str_of<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyAny> {
    let len = ffi::Py_ssize_t::try_from(bytes.len()).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: attached; the bytes are as long as said, and with surrogateescape
    // every byte can be decoded, so NULL means that memory ran out.
    let text = unsafe {
        Bound::from_owned_ptr_or_opt(
            py,
            ffi::PyUnicode_DecodeUTF8(
                bytes.as_ptr().cast::<c_char>(),
                len,
                c"surrogateescape".as_ptr(),
            ),
        )
    };
    text.unwrap_or_else(|| {
        // SAFETY: attached.
        unsafe { ffi::PyErr_Clear() };
        PyString::new(py, "").into_any()
    })
}

/// The bytes of a `str`, or of `bytes`; nothing for other types, or for
/// surrogates that no byte stands behind.
pub fn bytes_of<'a>(value: &'a Bound<'_, PyAny>) -> Option<Cow<'a, [u8]>> {
    if let Ok(text) = value.cast::<PyString>() {
        if let Ok(plain) = text.to_str() {
            return Some(plain.as_bytes().into());
        }
        let encoded =
            encode(text, c"surrogateescape").or_else(|| encode(text, c"backslashreplace"));
        return encoded.map(Cow::from);
    }
    let bytes = value.cast::<PyBytes>().ok()?;
    Some(bytes.as_bytes().into())
}

fn encode(text: &Bound<'_, PyString>, errors: &std::ffi::CStr) -> Option<Vec<u8>> {
    // SAFETY: attached, the object is a str, the names are constants; NULL has
    // an error set.
    let bytes = unsafe {
        Bound::from_owned_ptr_or_opt(
            text.py(),
            ffi::PyUnicode_AsEncodedString(text.as_ptr(), c"utf-8".as_ptr(), errors.as_ptr()),
        )
    };
    let Some(bytes) = bytes else {
        // SAFETY: attached.
        unsafe { ffi::PyErr_Clear() };
        return None;
    };
    bytes.cast::<PyBytes>().ok().map(|b| b.as_bytes().to_vec())
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value
        .get_type()
        .name()
        .map_or_else(|_| "object".to_owned(), |n| n.to_string())
}

/// The `TypeError` for an argument that is not what it must be.
#[must_use]
pub fn wrong_type(name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let kind = type_name(value);
    PyTypeError::new_err(format!("argument '{name}' must be {wanted}, not {kind}"))
}

/// A text argument that the switch takes as a C string.
///
/// # Errors
/// `TypeError` when it is no `str`, `ValueError` when it holds a NUL.
pub fn text(value: &Bound<'_, PyAny>, name: &str) -> PyResult<CString> {
    let bytes = encoded(value, name)?;
    CString::new(&*bytes).map_err(|e| has_nul(name, e.nul_position()))
}

/// As [`text`], for what takes its length along.
///
/// # Errors
/// As [`text`].
pub fn text_bytes<'a>(value: &'a Bound<'_, PyAny>, name: &str) -> PyResult<Cow<'a, [u8]>> {
    let bytes = encoded(value, name)?;
    if bytes.contains(&0) {
        let before = bytes.iter().take_while(|&&byte| byte != 0);
        return Err(has_nul(name, before.count()));
    }
    Ok(bytes)
}

fn encoded<'a>(value: &'a Bound<'_, PyAny>, name: &str) -> PyResult<Cow<'a, [u8]>> {
    if !value.is_instance_of::<PyString>() {
        return Err(wrong_type(name, "str", value));
    }
    bytes_of(value)
        .ok_or_else(|| PyValueError::new_err(format!("argument '{name}' cannot be encoded")))
}

fn has_nul(name: &str, position: usize) -> PyErr {
    PyValueError::new_err(format!(
        "argument '{name}' has a NUL at position {position}"
    ))
}

/// As [`text`], with None for what the switch takes NULL for.
///
/// # Errors
/// As [`text`].
pub fn optional_text(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Option<CString>> {
    match value {
        Some(value) if !value.is_none() => text(value, name).map(Some),
        _ => Ok(None),
    }
}

/// A number that cannot be negative: milliseconds, digits, tries.
///
/// # Errors
/// `TypeError` when it is no int, `ValueError` when it is out of range.
pub fn count(value: &Bound<'_, PyAny>, name: &str) -> PyResult<u32> {
    if !value.is_instance_of::<PyInt>() {
        return Err(wrong_type(name, "int", value));
    }
    value.extract::<u32>().map_err(|_| {
        PyValueError::new_err(format!(
            "argument '{name}' must be between 0 and {}, not {value}",
            u32::MAX
        ))
    })
}

/// As [`count`], with a default for what was left out.
///
/// # Errors
/// As [`count`].
pub fn count_or(value: Option<&Bound<'_, PyAny>>, name: &str, default: u32) -> PyResult<u32> {
    value.map_or(Ok(default), |value| count(value, name))
}

/// As [`count`], where a negative number stands for no limit, or for the core's
/// default: none is given for it then.
///
/// # Errors
/// As [`count`].
pub fn limit(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<u32>> {
    let is_negative = value.is_instance_of::<PyInt>() && value.lt(0)?;
    if is_negative {
        return Ok(None);
    }
    count(value, name).map(Some)
}

/// As [`limit`], with a default for what was left out.
///
/// # Errors
/// As [`count`].
pub fn limit_or(
    value: Option<&Bound<'_, PyAny>>,
    name: &str,
    default: u32,
) -> PyResult<Option<u32>> {
    value.map_or(Ok(Some(default)), |value| limit(value, name))
}

/// mod_python's flags are ints; a bool is one.
///
/// # Errors
/// `TypeError`.
pub fn flag(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<bool> {
    match value {
        None => Ok(false),
        Some(value) if value.is_instance_of::<PyBool>() || value.is_instance_of::<PyInt>() => {
            value.is_truthy()
        }
        Some(value) => Err(wrong_type(name, "int", value)),
    }
}
