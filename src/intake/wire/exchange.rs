//! Exchange: a folder or a bucket for the files of the tasks of one run, each written once.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::exchange_file::ExchangeFile;
use crate::error::Trouble;
use crate::intake::files::bytes::log_bytes::{LogBytes, LogPlace};
use crate::store::{Depth, StoreAddress, StoreLimits, Stores};

/// Name of the file in the folder of a stage that tells its workers to stop.
const CANCELLED: &str = "cancelled";
/// Name of the file in the folder of a stage that says what its workers do.
pub const JOB: &str = "job.json";
/// Content type of objects in a bucket.
const KIND: &str = "application/octet-stream";

/// The place of one run in an exchange, as a job names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangePlace {
    /// Absolute path of a folder of this run alone.
    Folder(PathBuf),
    /// Address that the names of all its objects begin with; it ends in a slash.
    Bucket(String),
}

impl ExchangePlace {
    /// Returns the place of a run in a folder, or below the address of a bucket.
    ///
    /// # Errors
    /// [`Trouble::Usage`] for an address that cannot be used; the current folder is not known.
    pub fn of_run(place: &str, run: &str) -> Result<Self, Trouble> {
        match StoreAddress::parse(place) {
            Some(Ok(_)) => Ok(Self::Bucket(format!("{}/{run}/", place.trim_end_matches('/')))),
            Some(Err(why)) => Err(Trouble::Usage(format!("--exchange {place}: {why}"))),
            None => {
                let folder = std::path::absolute(place)
                    .map_err(|e| Trouble::io(place, "finding the folder of the exchange", e))?;
                Ok(Self::Folder(folder.join(run)))
            }
        }
    }
}

/// The files of one run.
#[derive(Debug, Clone)]
pub struct Exchange {
    place: ExchangePlace,
    stores: Stores,
}

impl Exchange {
    pub fn new(place: ExchangePlace, limits: StoreLimits) -> Self {
        Self { place, stores: Stores::new(limits) }
    }

    pub const fn place(&self) -> &ExchangePlace {
        &self.place
    }

    /// Returns where a file lies, for messages and command lines.
    pub fn shown(&self, name: &str) -> String {
        match &self.place {
            ExchangePlace::Folder(folder) => folder.join(name).display().to_string(),
            ExchangePlace::Bucket(address) => format!("{address}{name}"),
        }
    }

    /// Makes a folder for the files of a stage.
    ///
    /// Workers write only to folders that are there: one that is late must not bring back the
    /// exchange of a run that is over.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub fn begin(&self, folder: &str) -> Result<(), Trouble> {
        match &self.place {
            ExchangePlace::Folder(place) => {
                let folder = place.join(folder);
                fs::create_dir_all(&folder).map_err(|e| Trouble::io(&folder, "writing to the exchange", e))
            }
            ExchangePlace::Bucket(_) => Ok(()),
        }
    }

    /// Writes a file that is there whole or not at all, and never replaces another.
    ///
    /// `spill` is a folder for what goes to a bucket.
    ///
    /// # Errors
    /// `write` fails, the place cannot be written to, or a file of this name is there.
    pub fn put<T>(
        &self,
        name: &str,
        spill: &Path,
        write: impl FnOnce(&mut File, &Path) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let shown = PathBuf::from(self.shown(name));
        let trouble = |e: io::Error| Trouble::io(&shown, "writing to the exchange", e);
        match &self.place {
            ExchangePlace::Folder(folder) => {
                let path = folder.join(name);
                let folder = path.parent().unwrap_or(folder);
                let mut file = tempfile::NamedTempFile::new_in(folder).map_err(trouble)?;
                let written = write(file.as_file_mut(), &shown)?;
                file.persist_noclobber(&path).map_err(|e| trouble(e.error))?;
                Ok(written)
            }
            ExchangePlace::Bucket(_) => {
                let mut file = tempfile::tempfile_in(spill).map_err(trouble)?;
                let written = write(&mut file, &shown)?;
                file.rewind().map_err(trouble)?;
                let address = self.address(name)?;
                let put = self.stores.put(&address, &mut file, KIND);
                put.map_err(|e| e.trouble(&address, "writing to the exchange"))?;
                Ok(written)
            }
        }
    }

    /// Writes a small file.
    ///
    /// # Errors
    /// As for [`Exchange::put`].
    pub fn put_bytes(&self, name: &str, spill: &Path, bytes: &[u8]) -> Result<(), Trouble> {
        self.put(name, spill, |file, shown| {
            file.write_all(bytes).map_err(|e| Trouble::io(shown, "writing to the exchange", e))
        })
    }

    /// Returns a file, to be read by position.
    ///
    /// # Errors
    /// It is not in the bucket, or the bucket cannot be read.
    pub fn file(&self, name: &str) -> Result<ExchangeFile, Trouble> {
        match &self.place {
            ExchangePlace::Folder(folder) => Ok(ExchangeFile::of_disk(folder.join(name))),
            ExchangePlace::Bucket(_) => {
                let address = self.address(name)?;
                let gone =
                    || Trouble::BrokenExchange { name: self.shown(name), why: "it is not there".to_owned() };
                let entry = self.stores.head(&address)?.ok_or_else(gone)?;
                let object = LogPlace::Object(self.stores.object(&address.root, entry)?);
                let object = LogBytes::open(&object).map_err(|e| Trouble::io(name, "opening", e))?;
                Ok(ExchangeFile::of_bucket(self.shown(name), object))
            }
        }
    }

    /// Reads a small file.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Trouble> {
        self.file(name)?.read()
    }

    /// Returns the names of the files in a folder of the exchange, sorted.
    ///
    /// # Errors
    /// The place cannot be listed.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, Trouble> {
        let mut names = match &self.place {
            ExchangePlace::Folder(place) => {
                let place = place.join(folder);
                let entries = match fs::read_dir(&place) {
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                    entries => entries.and_then(Iterator::collect::<io::Result<Vec<_>>>),
                };
                let entries = entries.map_err(|e| Trouble::io(&place, "listing the exchange", e))?;
                let names = entries.iter().filter_map(|entry| entry.file_name().into_string().ok());
                // A name that begins with a dot is a file that is being written.
                names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>()
            }
            ExchangePlace::Bucket(_) => {
                let address = self.address(&format!("{folder}/"))?;
                let listed = self.stores.list(&address.root, &address.key, Depth::Folder)?;
                let name = |key: &str| key.rsplit('/').next().unwrap_or(key).to_owned();
                listed.objects.iter().map(|object| name(&object.key)).collect()
            }
        };
        names.sort();
        Ok(names)
    }

    /// Returns whether there is nothing of the run.
    ///
    /// # Errors
    /// The place cannot be listed.
    pub fn is_empty(&self) -> Result<bool, Trouble> {
        match &self.place {
            ExchangePlace::Folder(folder) => Ok(!folder.exists()),
            ExchangePlace::Bucket(_) => {
                let address = self.address("")?;
                let listed = self.stores.list(&address.root, &address.key, Depth::Folder)?;
                Ok(listed.objects.is_empty() && listed.folders.is_empty())
            }
        }
    }

    /// Tells the workers of the stage in a folder to stop.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub fn cancel(&self, folder: &str, spill: &Path) -> Result<(), Trouble> {
        let name = format!("{folder}/{CANCELLED}");
        if self.has(&name) { Ok(()) } else { self.put_bytes(&name, spill, b"") }
    }

    /// Lets the workers of a stage go on that were told to stop.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub fn go_on(&self, folder: &str) -> Result<(), Trouble> {
        let name = format!("{folder}/{CANCELLED}");
        match &self.place {
            ExchangePlace::Folder(place) => match fs::remove_file(place.join(&name)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed.map_err(|e| Trouble::io(place, "removing the request to stop", e)),
            },
            ExchangePlace::Bucket(_) => {
                let address = self.address(&name)?;
                let deleted = self.stores.delete(&address);
                deleted.map_err(|e| e.trouble(&address, "removing the request to stop"))
            }
        }
    }

    /// Returns whether the workers of a stage are to stop: they were told to, or its run is over.
    ///
    /// False if the place cannot be read.
    pub fn is_over(&self, folder: &str) -> bool {
        self.has(&format!("{folder}/{CANCELLED}")) || self.lacks(&format!("{folder}/{JOB}"))
    }

    /// Returns whether a file is there, as far as the place can be read.
    fn has(&self, name: &str) -> bool {
        match &self.place {
            ExchangePlace::Folder(place) => place.join(name).exists(),
            ExchangePlace::Bucket(_) => {
                let head = |address| self.stores.head(&address);
                self.address(name).and_then(head).is_ok_and(|found| found.is_some())
            }
        }
    }

    /// Returns whether a file is certainly not there.
    fn lacks(&self, name: &str) -> bool {
        match &self.place {
            ExchangePlace::Folder(place) => place.join(name).try_exists().is_ok_and(|is_there| !is_there),
            ExchangePlace::Bucket(_) => {
                let head = |address| self.stores.head(&address);
                self.address(name).and_then(head).is_ok_and(|found| found.is_none())
            }
        }
    }

    /// Removes all files of the run.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub fn remove(&self) -> Result<(), Trouble> {
        match &self.place {
            ExchangePlace::Folder(folder) => match remove_folder(folder) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed.map_err(|e| Trouble::io(folder, "removing the files of the run", e)),
            },
            ExchangePlace::Bucket(_) => {
                let address = self.address("")?;
                for object in self.stores.list(&address.root, &address.key, Depth::All)?.objects {
                    let address = StoreAddress { root: address.root.clone(), key: object.key };
                    let deleted = self.stores.delete(&address);
                    deleted.map_err(|e| e.trouble(&address, "removing the files of the run"))?;
                }
                Ok(())
            }
        }
    }

    fn address(&self, name: &str) -> Result<StoreAddress, Trouble> {
        let text = self.shown(name);
        match StoreAddress::parse(&text) {
            Some(Ok(address)) => Ok(address),
            Some(Err(why)) => Err(Trouble::Usage(format!("{text}: {why}"))),
            None => Err(Trouble::Usage(format!("{text} is no address of a store"))),
        }
    }
}

/// Removes a folder, also if a late worker has just written to it.
fn remove_folder(folder: &Path) -> io::Result<()> {
    for _ in 0..3 {
        match fs::remove_dir_all(folder) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            removed => return removed,
        }
    }
    fs::remove_dir_all(folder)
}

/// Returns random hexadecimal digits, by which runs and attempts are told apart.
///
/// # Errors
/// The machine gives no random bytes.
pub fn random_name() -> Result<String, Trouble> {
    let chance = Path::new("/dev/urandom");
    let mut bytes = [0; 8];
    let read = File::open(chance).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|e| Trouble::io(chance, "reading", e))?;
    Ok(crate::plain_file::hex(&bytes))
}

/// Reads a job from its path or address.
///
/// # Errors
/// It cannot be read.
pub fn read_job(place: &str) -> Result<Vec<u8>, Trouble> {
    if StoreAddress::parse(place).is_none() {
        return fs::read(place).map_err(|e| Trouble::io(place, "reading the job", e));
    }
    let (prefix, name) = place.rsplit_once('/').unwrap_or(("", place));
    Exchange::new(ExchangePlace::Bucket(format!("{prefix}/")), StoreLimits::default()).read(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once_and_found_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let place = ExchangePlace::of_run(folder.path().to_str().unwrap(), "run-1").unwrap();
        let exchange = Exchange::new(place, StoreLimits::default());
        assert!(exchange.list("map-0").unwrap().is_empty());
        assert!(exchange.put_bytes("map-0/1-b", folder.path(), b"one").is_err(), "no stage has begun");
        assert!(exchange.is_over("map-0"), "its job is gone");
        for stage in ["map-0", "join"] {
            exchange.begin(stage).unwrap();
            exchange.put_bytes(&format!("{stage}/{JOB}"), folder.path(), b"{}").unwrap();
        }
        exchange.put_bytes("map-0/1-b", folder.path(), b"one").unwrap();
        exchange.put_bytes("map-0/1-a", folder.path(), b"another").unwrap();
        assert!(exchange.put_bytes("map-0/1-b", folder.path(), b"again").is_err());
        assert_eq!(exchange.list("map-0").unwrap(), ["1-a", "1-b", "job.json"]);
        assert_eq!(exchange.read("map-0/1-b").unwrap(), b"one");
        let told = exchange.read("map-0/2-a").unwrap_err().to_string();
        assert!(told.contains("run-1/map-0/2-a"), "{told}");

        let told = |stage| exchange.is_over(stage);
        exchange.cancel("map-0", folder.path()).unwrap();
        exchange.cancel("map-0", folder.path()).unwrap();
        assert!(told("map-0") && !told("join"), "a stage is told to stop, and no other");
        exchange.go_on("map-0").unwrap();
        exchange.go_on("map-0").unwrap();
        assert!(!told("map-0"));
        exchange.remove().unwrap();
        exchange.remove().unwrap();
        assert!(!folder.path().join("run-1").exists());
    }
}
