# Pixel Art Studio for one machine, as a user without rights, on a file system that nobody can write to:
#
#   docker build -t pixel-art-studio .
#   docker run --rm --read-only --tmpfs /tmp -v studio-jobs:/app/jobs -p 127.0.0.1:7860:7860 pixel-art-studio
#
# Without the volume training is off; everything else works. To keep models that are trained, mount one on
# /app/checkpoints too.
FROM python:3.11-slim

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY app.py ./
COPY pixelart ./pixelart
COPY checkpoints ./checkpoints
RUN mkdir jobs && chown 10001:10001 jobs checkpoints

USER 10001:10001
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HF_HOME=/tmp/huggingface GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['GRADIO_SERVER_PORT'] + '/healthz', timeout=4)"]
CMD ["python", "app.py"]
