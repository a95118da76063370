//! Server: an S3 server on loopback (`moto_server`), and plain HTTP to fill it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::job::ran;

/// Keys that the server takes from anybody; without any it gives nothing.
pub const ANYBODY: &str = "Authorization: AWS4-HMAC-SHA256 Credential=anybody/20261118/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// A server that ends with the last test that uses it.
pub struct Server {
    child: Child,
    pub port: u16,
}

static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// The one server of all tests; `None` skips a test, unless `CI` is set.
pub fn server() -> Option<Arc<Server>> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return Some(server);
    }
    let program = program()?;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Arc::new(Server { child: command.spawn().unwrap(), port });
    for _ in 0..600 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            *running = Arc::downgrade(&server);
            return Some(server);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("moto_server did not begin to listen within a minute");
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The server of `tests/store/requirements.txt`, installed once for each change of that list.
#[expect(clippy::print_stderr, reason = "a test that tests nothing says so")]
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let python =
        std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|file| file.is_file());
    let skipped = |why: &str| {
        assert!(std::env::var_os("CI").is_none(), "CI must run the tests of stores: {why}");
        eprintln!("SKIPPED: nothing of this test of stores was tested: {why}");
        None
    };
    let Some(python) = python else { return skipped("there is no python3") };
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store");
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/requirements.txt");
    let wanted = fs::read(&list).unwrap();
    if fs::read(place.join("installed")).ok() != Some(wanted.clone()) {
        let mut venv = assert_cmd::Command::new(python);
        if ran(venv.args(["-m", "venv", "--clear"]).arg(&place)).code != Some(0) {
            return skipped("python3 makes no venv");
        }
        let mut pip = assert_cmd::Command::new(place.join("bin/pip"));
        let installed = ran(pip.args(["install", "--quiet", "--only-binary", ":all:", "-r"]).arg(list));
        if installed.code != Some(0) {
            return skipped(&format!("pip installs no moto[server]: {}", installed.stderr));
        }
        fs::write(place.join("installed"), wanted).unwrap();
    }
    Some(place.join("bin/moto_server"))
}

impl Server {
    pub fn bucket(&self, name: &str) {
        self.send("PUT", &format!("/{name}"), b"");
    }

    /// Keeps versions of the objects of a bucket.
    pub fn keep_versions(&self, bucket: &str) {
        let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.send("PUT", &format!("/{bucket}?versioning"), on);
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.send("PUT", path, bytes);
    }

    pub fn delete(&self, path: &str) {
        self.send("DELETE", path, b"");
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        self.send("GET", path, b"")
    }

    /// Puts every file of a folder into a bucket.
    pub fn fill(&self, bucket: &str, folder: &Path) {
        self.bucket(bucket);
        for (path, bytes) in crate::job::files(folder) {
            self.put(&format!("/{bucket}/{}", path.display()), &bytes);
        }
    }

    fn send(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n{ANYBODY}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {head}");
        answer.split_off(end + 4)
    }
}
