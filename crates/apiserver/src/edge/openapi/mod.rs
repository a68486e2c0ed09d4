//! OpenAPI documents: one a group version (v3), and one of everything (v2).

mod paths;
mod protobuf;
mod schemas;
#[cfg(test)]
mod tests;
mod v2;
mod v3;

use super::ApiServer;
use super::discovery::hex_upper;
use super::reply::{JSON, Reply, TEXT, line};
use crate::core::{Request, Tables};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, VARY};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use trueup_object::{Map, Value, to_json, value};

/// The documents of one version of the tables; each is made when it is first
/// asked for, and those whose resources have not changed are kept.
#[derive(Debug, Default)]
pub struct OpenApiCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    version: u64,
    documents: BTreeMap<String, Arc<Document>>,
    index: Option<Bytes>,
    v2: Option<Arc<Document>>,
    v2_protobuf: Option<Arc<Document>>,
}

/// A document and its hash, by which clients know it again.
#[derive(Debug)]
struct Document {
    body: Bytes,
    content_type: &'static str,
    hash: String,
}

impl Document {
    fn new(value: &Value) -> Self {
        Self::of_bytes(line(to_json(value)), JSON)
    }

    fn of_bytes(body: Vec<u8>, content_type: &'static str) -> Self {
        let hash = hex_upper(&Sha256::digest(&body));
        Self {
            body: body.into(),
            content_type,
            hash,
        }
    }

    fn reply(&self) -> Reply {
        Reply::full(200, self.content_type, self.body.clone())
            .with_header(ETAG, &format!("\"{}\"", self.hash))
            .with_header(VARY, "Accept-Encoding")
    }
}

impl OpenApiCache {
    fn with<T>(&self, tables: &Tables, read: impl FnOnce(&mut Kept) -> T) -> T {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.version != tables.version {
            // Built-in documents never change.
            kept.documents.retain(|path, _| v3::is_builtin(path));
            kept.index = None;
            kept.v2 = None;
            kept.v2_protobuf = None;
            kept.version = tables.version;
        }
        read(&mut kept)
    }

    fn document(&self, tables: &Tables, path: &str) -> Option<Arc<Document>> {
        self.with(tables, |kept| kept.document(tables, path))
    }
}

impl Kept {
    fn document(&mut self, tables: &Tables, path: &str) -> Option<Arc<Document>> {
        if let Some(found) = self.documents.get(path) {
            return Some(found.clone());
        }
        let document = Arc::new(Document::new(&v3::document(tables, path)?));
        self.documents.insert(path.to_owned(), document.clone());
        Some(document)
    }

    fn index(&mut self, tables: &Tables) -> Bytes {
        if let Some(index) = &self.index {
            return index.clone();
        }
        let mut paths = Map::new();
        for path in v3::document_paths(tables) {
            if let Some(document) = self.document(tables, &path) {
                let url = format!("/openapi/v3/{path}?hash={}", document.hash);
                paths.insert(path, value!({"serverRelativeURL": url}));
            }
        }
        let json: Bytes = line(to_json(&value!({"paths": (Value::Map(paths))}))).into();
        self.index = Some(json.clone());
        json
    }
}

/// `/openapi/v3`: where the documents are. A genuine server calls this JSON
/// plain text, too.
pub fn index(server: &ApiServer) -> Reply {
    let tables = server.inner.core.registry().tables();
    let body = server
        .inner
        .openapi
        .with(&tables, |kept| kept.index(&tables));
    Reply::full(200, TEXT, body)
}

/// `/openapi/v3/…`: one document.
pub fn v3(server: &ApiServer, path: &[&str]) -> Reply {
    let tables = server.inner.core.registry().tables();
    match server.inner.openapi.document(&tables, &path.join("/")) {
        Some(document) => document.reply(),
        None => without_body(404),
    }
}

/// A status, and not a word.
fn without_body(status: u16) -> Reply {
    let mut reply = Reply::text(status, "");
    reply.headers.remove(CONTENT_TYPE);
    reply
}

/// `/openapi/v2`: all definitions in one document, in JSON or in protobuf.
pub fn v2(server: &ApiServer, request: &Request) -> Reply {
    let Some(form) = v2_form(request.accept.as_deref().unwrap_or("*/*")) else {
        return without_body(406);
    };
    let tables = server.inner.core.registry().tables();
    server
        .inner
        .openapi
        .with(&tables, |kept| match form {
            Form::Json => kept
                .v2
                .get_or_insert_with(|| Arc::new(Document::new(&v2::document(&tables))))
                .clone(),
            Form::Protobuf => kept
                .v2_protobuf
                .get_or_insert_with(|| {
                    let body = protobuf::encode(&v2::document(&tables));
                    Arc::new(Document::of_bytes(body, protobuf::MEDIA_TYPES[1]))
                })
                .clone(),
        })
        .reply()
}

/// In what the document of v2 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Protobuf,
}

/// The first form that a client takes.
fn v2_form(accept: &str) -> Option<Form> {
    accept
        .split(',')
        .map(|clause| clause.split(';').next().unwrap_or_default().trim())
        .find_map(|it| match it {
            "*/*" | "application/*" | "application/json" | "" => Some(Form::Json),
            _ if protobuf::MEDIA_TYPES.contains(&it) => Some(Form::Protobuf),
            _ => None,
        })
}
