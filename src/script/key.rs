//! Which function of which script is asked for.

use hashbrown::Equivalent;

/// Where a function is looked for.
pub struct ScriptRef<'a> {
    /// The module.
    pub module: &'a str,
    /// The function.
    pub function: &'a str,
    /// How many arguments this way in gives.
    pub documented: usize,
    /// `python_script_path`: the folder that this call alone looks into.
    pub folder: Option<&'a [u8]>,
}

/// What a function is known by once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// The private folder.
    pub folder: Option<Vec<u8>>,
    pub module: String,
    pub function: String,
}

/// What a module is known by: its private folder, and its name.
pub(crate) type ModuleKey = (Option<Vec<u8>>, String);

/// A [`Key`], borrowed: each call looks a function up, and copies no names for it.
#[derive(Hash)]
pub(crate) struct Name<'a> {
    folder: Option<&'a [u8]>,
    module: &'a str,
    function: &'a str,
}

impl Equivalent<Key> for Name<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.module == key.module
            && self.function == key.function
            && self.folder == key.folder.as_deref()
    }
}

impl<'a> ScriptRef<'a> {
    pub(crate) fn name(&self) -> Name<'a> {
        Name {
            folder: self.folder,
            module: self.module,
            function: self.function,
        }
    }

    pub(crate) fn key(&self) -> Key {
        let (folder, module) = self.module_key();
        Key {
            folder,
            module,
            function: self.function.to_owned(),
        }
    }

    pub(crate) fn module_key(&self) -> ModuleKey {
        (self.folder.map(<[u8]>::to_vec), self.module.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use hashbrown::HashMap;

    use super::*;

    #[test]
    fn a_key_is_found_by_its_name() {
        for folder in [None, Some(&b"/tmp"[..]), Some(b"")] {
            let wanted = ScriptRef {
                module: "a.b",
                function: "c",
                documented: 1,
                folder,
            };
            let mut all = HashMap::new();
            all.insert(wanted.key(), 1);
            assert_eq!(all.get(&wanted.name()), Some(&1));
            let other = ScriptRef {
                function: "d",
                ..wanted
            };
            assert_eq!(all.get(&other.name()), None);
        }
    }
}
