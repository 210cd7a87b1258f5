//! The map of the embedding table. `POST /api/map`: its tokens, colours, axes and steps;
//! `POST /api/map/points`: where the rows lie at a step, as safetensors (`points`, `[rows, 2]`);
//! `POST /api/map/near`: which rows really are a row's nearest, in all dimensions.

use axum::{Json, Router, extract, http::header, response::IntoResponse, routing::post};
use lookback_engine::ThreadPool;
use lookback_files::Refusal;
use lookback_lens::Table;
use lookback_model::TokenId;
use lookback_train::Snapshot;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    embedding_tables,
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    models::ServedModel,
    state::AppState,
};

/// Neighbours that are sent.
const NEIGHBOURS: usize = 8;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/map", post(map))
        .route("/api/map/points", post(points))
        .route("/api/map/near", post(near))
}

#[derive(Deserialize)]
struct MapRequest {
    model: Option<String>,
}

async fn map(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<MapRequest>,
) -> Result<Json<Value>> {
    let model = state.models.find(request.model.as_deref())?;
    let tables = state.tables.clone();
    let work = move || {
        let info = tables.get_or_create(&model);
        let axes = info.axes(&model);
        let [rows, width] = model.weights.network().weight(model.weights.network().embed).shape;
        let pieces: Vec<String> =
            (0..rows as u32).map(|id| model.tokenizer.piece(TokenId(id))).collect();
        json!({
            "rows": rows,
            "width": width,
            "steps": embedding_tables::steps(&model),
            "step": model.step.map(|(step, _)| step),
            "shares": axes.shares(),
            "parting": axes.discriminant_axes(),
            "fitted": axes.rows(),
            "words": info.words.all().len(),
            "names": info.categories.names,
            "by_meaning": info.categories.by_meaning,
            "colors": info.categories.tokens,
            "pieces": pieces,
        })
    };
    state.run_blocking(work).await.map(Json)
}

#[derive(Deserialize)]
struct PointsRequest {
    model: Option<String>,
    /// The step whose table is shown; the table as it is now where it is left out.
    step: Option<u64>,
    #[serde(default = "first_two")]
    axes: [usize; 2],
}

fn first_two() -> [usize; 2] {
    [0, 1]
}

async fn points(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<PointsRequest>,
) -> Result<impl IntoResponse> {
    let model = state.models.find(request.model.as_deref())?;
    let tables = state.tables.clone();
    let work = move || {
        let info = tables.get_or_create(&model);
        let axes = info.axes(&model);
        if let Some(axis) = request.axes.iter().find(|&&axis| axis >= axes.count()) {
            return Err(ErrorResponse::bad_request(format!(
                "there is no axis {axis}; this map has {}, counted from 0",
                axes.count()
            )));
        }
        with_table_at(&model, request.step, |table| file(&axes.place(table, request.axes)))?
    };
    let file = state.run_blocking(work).await??;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], file))
}

/// Shows the table of a step, or the model's own.
fn with_table_at<T>(
    model: &ServedModel,
    step: Option<u64>,
    show: impl FnOnce(&Table<'_>) -> T,
) -> Result<T> {
    let own = Table::of_model(&model.weights);
    let Some(step) = step else { return Ok(show(&own)) };
    let snapshot = Snapshot::read(&model.path, step)?;
    if snapshot.width != own.width() {
        return Err(ErrorResponse::bad_request(format!(
            "the snapshot of step {step} is {} wide and the model is {}; they belong to different \
             runs",
            snapshot.width,
            own.width()
        )));
    }
    Ok(show(&Table::of_values(&snapshot.values, snapshot.width)))
}

fn file(points: &[[f32; 2]]) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = points.as_flattened().iter().flat_map(|x| x.to_le_bytes()).collect();
    TensorView::new(Dtype::F32, vec![points.len(), 2], &bytes)
        .and_then(|view| safetensors::serialize([("points", view)], None))
        .map_err(|error| Refusal::ours(format!("the map could not be written ({error})")).into())
}

#[derive(Deserialize)]
struct NearRequest {
    model: Option<String>,
    step: Option<u64>,
    id: u32,
}

async fn near(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<NearRequest>,
) -> Result<Json<Value>> {
    let model = state.models.find(request.model.as_deref())?;
    let work = move |pool: &ThreadPool| {
        let row = request.id as usize;
        let near = with_table_at(&model, request.step, |table| {
            let own = (row < table.rows()).then(|| table.row(row))?;
            Some(table.nearest_parallel(pool, &own, NEIGHBOURS, |other| other != row))
        })?;
        let near = near.ok_or_else(|| {
            ErrorResponse::bad_request(format!("the table that was kept has no row {row}"))
        })?;
        let object = near.iter().map(|near| {
            let id = TokenId(near.row as u32);
            json!({ "id": id.0, "piece": model.tokenizer.piece(id), "cosine": near.cosine })
        });
        Ok(json!({ "id": request.id, "near": object.collect::<Vec<_>>() }))
    };
    state.passes.with_compute_lock(work).await?.map(Json)
}
