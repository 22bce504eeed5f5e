# docker build -t unet-studio . && docker run -p 127.0.0.1:8501:8501 -v unet-studio:/data unet-studio
FROM python:3.12-slim

RUN useradd --create-home studio && mkdir /data && chown studio /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .

USER studio
ENV UNET_HOME=/data UNET_LOCAL_FOLDERS=off
VOLUME /data
EXPOSE 8501
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=5)"]
CMD ["python", "-m", "unet", "run", "--host", "0.0.0.0", "--port", "8501"]
