//! The routes. A figure's own stand in a file of its name; numbers of any site come from `look`.

mod analogy;
mod attend;
mod context;
mod diff;
mod embed;
mod heads;
mod logit_lens;
mod look;
mod map;
mod mlp;
mod models;
mod next;
mod ov;
mod position;
mod repeat;
mod sample;
mod stream;
mod sweep;
mod tokens;
mod training;
mod weights;
mod why;

use axum::{
    Router,
    handler::Handler,
    http::{Method, StatusCode, Uri},
};
use tower_http::compression::CompressionLayer;

use crate::{error_response::ErrorResponse, files, state::AppState};

/// Every route. One line a file, in alphabetical order.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .merge(analogy::routes())
        .merge(attend::routes())
        .merge(context::routes())
        .merge(diff::routes())
        .merge(embed::routes())
        .merge(heads::routes())
        .merge(logit_lens::routes())
        .merge(look::routes())
        .merge(map::routes())
        .merge(mlp::routes())
        .merge(models::routes())
        .merge(next::routes())
        .merge(ov::routes())
        .merge(position::routes())
        .merge(repeat::routes())
        .merge(sample::routes())
        .merge(stream::routes())
        .merge(sweep::routes())
        .merge(tokens::routes())
        .merge(training::routes())
        .merge(weights::routes())
        .merge(why::routes())
        .fallback(files::file.layer(CompressionLayer::new()))
        .method_not_allowed_fallback(not_so)
}

async fn not_so(method: Method, uri: Uri) -> ErrorResponse {
    ErrorResponse::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} cannot be asked with {method}", uri.path()),
    )
}
