//! Artifact files: `GET` and `HEAD`, whole or in part.

use crate::range::{Asked, asked};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io::SeekFrom;
use std::path::Path;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use trueup_source::ArtifactStore;

pub(crate) async fn serve(State(store): State<ArtifactStore>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, HeaderValue::from_static("GET, HEAD"))];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    // The store knows no path that climbs, leads elsewhere or is encoded.
    let Some(path) = store.file(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match answer(&path, request.method(), request.headers()).await {
        Ok(response) => response,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            StatusCode::NOT_FOUND.into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "artifact not served");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn answer(path: &Path, method: &Method, headers: &HeaderMap) -> std::io::Result<Response> {
    let mut file = File::open(path).await?;
    let size_bytes = file.metadata().await?.len();
    let range = headers
        .get(header::RANGE)
        .and_then(|text| text.to_str().ok());
    let (status, first, length) = match asked(range, size_bytes) {
        Asked::Whole => (StatusCode::OK, 0, size_bytes),
        Asked::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Asked::Outside => return Ok(outside(size_bytes)),
    };
    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        file.seek(SeekFrom::Start(first)).await?;
        Body::from_stream(ReaderStream::new(file.take(length)))
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/gzip"),
    );
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if status == StatusCode::PARTIAL_CONTENT {
        content_range(
            headers,
            &format!("bytes {first}-{}/{size_bytes}", first + length - 1),
        );
    }
    Ok(response)
}

fn outside(size_bytes: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    content_range(response.headers_mut(), &format!("bytes */{size_bytes}"));
    response
}

fn content_range(headers: &mut HeaderMap, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(header::CONTENT_RANGE, value);
    }
}
